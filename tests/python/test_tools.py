"""The project's own checks find what they are for."""

import importlib.util
import pathlib
import subprocess
import sys

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


def load(name):
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_layers_of_this_tree():
    assert load("check_layers").check(TOOLS.parent) == []


def test_a_forbidden_arrow_is_found(tmp_path):
    folder = tmp_path / "src" / "core"
    folder.mkdir(parents=True)
    (folder / "a.cc").write_text('#include "base/limits.h"\n#include "ops/make.h"\n')
    errors = load("check_layers").check(tmp_path)
    assert errors == ['src/core/a.cc:2: core may not include "ops/make.h" (ops)']
    (tmp_path / "src" / "novel").mkdir()
    (tmp_path / "src" / "novel" / "b.cc").write_text("")
    assert any("novel" in e for e in load("check_layers").check(tmp_path))


def test_the_sum_of_tests(tmp_path):
    report = tmp_path / "r.xml"
    report.write_text(
        '<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase>'
        '<testcase name="c"><skipped/></testcase></testsuite></testsuites>'
    )
    assert load("run_tests").count(report) == (1, 1, 1)


def test_build_report(tmp_path):
    (tmp_path / ".ninja_log").write_text("# ninja log v5\n0\t2500\t0\ta.o\tff\n100\t400\t0\tb.o\tff\n")
    command = [sys.executable, str(TOOLS / "build_report.py"), str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True)
    assert out.returncode == 0 and "2 steps, 3 s of work" in out.stdout and "a.o" in out.stdout
    assert subprocess.run(command + ["--max-seconds", "1"], capture_output=True).returncode == 1


def test_coverage_table(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    tool = load("coverage_table")
    text = tool.table()
    assert (
        "| sin | pointwise | primitive | checked | checked | formula | align | checked | yes | yes | f16 bf16 f32"
        in text
    )
    monkeypatch.setattr(tool, "TABLE", tmp_path / "coverage.md")
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "table", lambda: text)
    monkeypatch.setattr(sys, "argv", ["coverage_table.py", "--check"])
    assert tool.main() == 1
    tool.TABLE.write_text(text)
    assert tool.main() == 0
