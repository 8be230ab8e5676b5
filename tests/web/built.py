"""The page as the tests need it: built, and not older than its sources."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Final

from tests.clients.javascript import ROOT

WEB: Final = ROOT / "web"


def build_module() -> ModuleType:
    """`web/build.py`, which is a script beside the page and part of no package."""
    spec = importlib.util.spec_from_file_location("web_build", WEB / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build_page() -> Path:
    """Build the page unless that is done; return its folder."""
    module = build_module()
    module.build()
    page: Path = module.PAGE
    return page
