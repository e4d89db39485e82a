# SPDX-License-Identifier: MIT
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import driver # noqa: E402
import store # noqa: E402


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return driver.build(tmp_path_factory.mktemp("ship") / "ship_drive")


@pytest.fixture
def s3():
    with store.Store() as s:
        yield s


@pytest.fixture
def ship(program, s3, tmp_path):
    """ship(**how) → a driver with a state directory of its own, not started."""
    def make(name="state", **how):
        (tmp_path / name).mkdir(exist_ok=True)
        if not (tmp_path / "credentials").exists():
            s3.credentials(tmp_path / "credentials")
        return driver.Driver(program, tmp_path / name, "s3://evidence/prod/x", s3.url, tmp_path / "credentials", **how)
    made = []
    def one(*a, **how):
        made.append(make(*a, **how))
        return made[-1]
    yield one
    for d in made:
        if d.process and d.process.poll() is None:
            d.kill()
