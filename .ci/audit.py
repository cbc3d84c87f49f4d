"""Known vulnerabilities of what is locked, Python's packages and the dashboard's: found, none, or not run.

Both audits ask an index on the network. Where it cannot be reached or gives no answer that can be judged, nothing is
known, so that is what is said: an audit that did not run has not passed.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
LOCKS = tuple(sorted(CHECKOUT.glob("requirements*.lock")))
FRONT = CHECKOUT / "mcf_pipeline" / "site" / "front"

PASSED, FOUND, BROKEN, NOT_RUN = 0, 1, 2, 77
"""Exit codes; the last as automake has it, for a test that was skipped. CI fails on the two in the middle."""

_NO_INDEX = re.compile(r"requests\.exceptions\.\w+|ServiceError|Could not connect")
_TIMEOUT = 15


def audit_python(locks: list[Path], osv_url: str | None) -> tuple[int, str]:
    """pip-audit over lock files: a code, and what to say."""
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--vulnerability-service", "osv"]
    command += [f"--requirement={lock}" for lock in locks]
    command += ["--format=json", "--progress-spinner=off", f"--timeout={_TIMEOUT}"]
    command += [f"--osv-url={osv_url}"] if osv_url else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = _json(done.stdout)
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    if told is None:
        return (NOT_RUN if _NO_INDEX.search(done.stderr) else BROKEN), last
    packages = told["dependencies"]
    found = [f"{p['name']} {p['version']}: {v['id']}" for p in packages for v in p.get("vulns", [])]
    skipped = [p["name"] for p in packages if "skip_reason" in p]
    if found:
        return FOUND, "; ".join(found)
    if skipped or not packages:
        return NOT_RUN, f"not judged: {', '.join(skipped) or 'any package'}"
    return PASSED, f"{len(packages)} packages, none with a known vulnerability"


def audit_npm(front: Path, registry: str | None) -> tuple[int, str]:
    """``npm audit`` over a lock file: a code, and what to say."""
    command = ["npm", "audit", "--json", "--package-lock-only", "--fetch-retries=0", f"--fetch-timeout={_TIMEOUT}000"]
    command += [f"--registry={registry}"] if registry else []
    done = subprocess.run(command, cwd=front, capture_output=True, text=True, check=False)
    told = _json(done.stdout)
    if told is None:
        return BROKEN, (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    if "auditReportVersion" not in told:
        # The address may be that of a mirror, which is nobody's business.
        return NOT_RUN, f"the registry gives no answer to audits (status {told.get('statusCode', 'none')})"
    found = [f"{name}: {entry['severity']}" for name, entry in told["vulnerabilities"].items()]
    if found:
        return FOUND, "; ".join(found)
    return PASSED, f"{told['metadata']['dependencies']['total']} packages, none with a known vulnerability"


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def main() -> int:
    """Run both; the exit code is the worst of theirs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--lock", type=Path, action="append", help="a lock file (default: all)")
    parser.add_argument("--front", type=Path, default=FRONT, help="a folder with a package-lock.json")
    parser.add_argument("--osv-url", help="ask here instead of api.osv.dev")
    parser.add_argument("--npm-registry", help="ask here instead of npm's registry")
    given = parser.parse_args()
    words = {PASSED: "passed", FOUND: "FOUND", BROKEN: "BROKEN", NOT_RUN: "NOT RUN"}
    codes = []
    for what, (code, said) in {
        "Python's packages": audit_python(given.lock or list(LOCKS), given.osv_url),
        "the dashboard's packages": audit_npm(given.front, given.npm_registry),
    }.items():
        print(f"audit of {what}: {words[code]}: {said}")
        codes.append(code)
    return next((code for code in (FOUND, BROKEN, NOT_RUN) if code in codes), PASSED)


if __name__ == "__main__":
    sys.exit(main())
