"""What results depend on besides code, parameters and data."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from fusionrec import runtime
from fusionrec.integrity import environment

CPUINFO = (
    "processor\t: 0\nmodel name\t: A CPU\nflags\t\t: fpu avx2 fma\n\nprocessor\t: 1\nmodel name\t: Another\n"
)


def test_settings_are_those_of_a_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    monkeypatch.setenv("MKL_CBWR", "AVX512")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    settings = environment.here("portable")["settings"]
    assert settings["ONEDNN_DEFAULT_FPMATH_MODE"] == "BF16" and settings["MKL_CBWR"] == "COMPATIBLE"
    assert runtime.PINS["portable"].items() <= settings.items() and "SECRET_TOKEN" not in settings
    assert environment.here("off")["settings"]["MKL_CBWR"] == "AVX512"


def test_the_cpu(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    assert environment._cpu(tmp_path / "cpuinfo") == ("A CPU", ["fpu", "avx2", "fma"])
    assert environment._cpu(tmp_path / "none") == ("", [])


def test_it_is_json_and_does_not_differ_from_itself() -> None:
    now = environment.here("portable")
    assert environment.differences(json.loads(json.dumps(now)), now) == []


def test_each_difference_has_a_line() -> None:
    recorded = {
        "CPU": "A",
        "instructions": ["avx", "avx2"],
        "settings": {"MKL_CBWR": "COMPATIBLE"},
        "python": "3",
    }
    now = {"CPU": "B", "instructions": ["avx", "fma"], "settings": {"OMP_NUM_THREADS": "1"}, "python": "3"}
    assert environment.differences(recorded, now) == [
        "CPU: B here, A in the record",
        "instructions of the record that are missing here: avx2",
        "instructions here that the record lacks: fma",
        "MKL_CBWR: None here, COMPATIBLE in the record",
        "OMP_NUM_THREADS: 1 here, None in the record",
    ]


def test_packages_of_another_version(tmp_path: Path) -> None:
    lines = [
        "# comment", f"numpy=={metadata.version('numpy')}", "    # via torch", "pandas==0.1", "missing-package==1",
        "pillow==1 ; python_version < '3'", "--editable .",
    ]  # fmt: skip
    (tmp_path / "pins.txt").write_text("\n".join(lines))
    assert environment.packages(tmp_path / "pins.txt") == [
        f"pandas: {metadata.version('pandas')} here, ==0.1 in pins.txt"
    ]
