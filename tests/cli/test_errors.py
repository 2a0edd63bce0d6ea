"""`yoake errors`: a page of misses and false alarms, in both languages, with and without a model."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.cli.running import yoake
from tests.learn.worlds import lines, write


def test_a_page_of_what_the_judge_on_duty_gets_wrong(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"text": "【急募】受け子 日給5万 即日即金 詳細はDMください", "label": "none"},
        {"text": "今日は鍋 <script>alert(1)</script>", "label": "drug_ad"},
        {"text": "今日はカレー", "label": "none"},
    ]
    data, out = write(tmp_path / "rows.jsonl", rows), tmp_path / "page.html"
    ran = yoake(tmp_path, "errors", "--data", str(data), "--out", str(out), timeout_s=120)
    assert ran.returncode == 0, ran.stderr
    page = out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "今日はカレー" not in page  # nothing is wrong about it
    assert 'class="for"' in page
    assert "criminal_recruitment" in page
    assert "as carefully as the file" in page
    ran = yoake(tmp_path, "errors", "--data", str(data), "--out", str(out), timeout_s=120, YOAKE_LANGUAGE="ja")
    assert ran.returncode == 0, ran.stderr
    assert '<html lang="ja">' in out.read_text()
    assert "見逃し" in out.read_text()


def test_a_model_with_labels_off_the_shelf(tmp_path: Path) -> None:
    def other(row: dict[str, object]) -> dict[str, object]:
        return {**row, "label": "pottery"} if row["label"] == "drug_ad" else row

    model, out = tmp_path / "model", tmp_path / "page.html"
    data = write(tmp_path / "rows.jsonl", [other(row) for row in lines()])
    ran = yoake(tmp_path, "train", "--data", str(data), "--out", str(model), timeout_s=180)
    assert ran.returncode == 0, ran.stderr
    swapped = [
        {**row, "label": "none" if row["label"] != "none" else "pottery"} for row in map(other, lines(30, seed=8))
    ]
    wrong = write(tmp_path / "wrong.jsonl", swapped)
    ran = yoake(
        tmp_path, "errors", "--model", str(model), "--data", str(wrong), "--out", str(out), "--most", "2", timeout_s=120
    )
    assert ran.returncode == 0, ran.stderr
    page = out.read_text()
    assert page.count("<article>") <= 2 * 2 * 2
    assert "pottery" in page
    assert "<mark" in page
    ran = yoake(tmp_path, "errors", "--data", str(wrong), "--out", str(tmp_path / "no" / "page.html"))
    assert (ran.returncode, "--out" in ran.stderr) == (2, True)
