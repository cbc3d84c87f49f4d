"""The hook lets pass what a site holds itself, and plain links; it stops whatever a browser would fetch."""

import pytest

from mcf_pipeline.documentation.site_hook import on_post_build, outside


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<img alt='' src=//cdn.example/x.png>",
        '<link href="https://cdn.example/x.css" rel="stylesheet">',
        '<link rel="preconnect" href="https://cdn.example/">',
        "<style>@import 'https://cdn.example/x.css'</style>",
    ],
)
def test_what_comes_from_elsewhere_stops_the_build(tmp_path, text):
    (tmp_path / "index.html").write_text(text)
    assert len(outside(tmp_path)) == 1
    with pytest.raises(SystemExit, match=r"index\.html: .*cdn\.example"):
        on_post_build({"site_dir": str(tmp_path)})


def test_what_lies_here_and_plain_links_pass(tmp_path):
    (tmp_path / "index.html").write_text(
        '<link rel="stylesheet" href="assets/x.css"><script src="assets/x.js"></script>'
        '<a href="https://example.org/">elsewhere</a><link rel="canonical" href="https://example.org/">'
    )
    (tmp_path / "x.css").write_text("body { background: url(x.png) }")
    on_post_build({"site_dir": str(tmp_path)})
