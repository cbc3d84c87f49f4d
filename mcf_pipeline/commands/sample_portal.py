"""``sample-portal``: a local portal with synthetic releases, to try the sensor on."""

from __future__ import annotations

from mcf_pipeline.commands.console import out, warn_synthetic


def sample_portal(port: int) -> None:
    """Serve until Ctrl-C, printing each request.

    Raises:
        UsageError: the port is taken.
    """
    from mcf_pipeline.sample.portal.server import SimulatedPortal, serve

    def ready(portal: SimulatedPortal) -> None:
        warn_synthetic()
        out.print(f"Portal on {portal.url}, serving the release of {portal.release.day}. Ctrl-C stops it.")
        out.print(
            f"  MCF_PORTAL_URL={portal.url} mcf-pipeline run --source portal --data-dir data/demo",
            markup=False,
        )
        out.print(f"  curl -X POST {portal.url}/next        moves to the next release", markup=False)

    serve(port, log=lambda line: out.print(line, markup=False), ready=ready)
