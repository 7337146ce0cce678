"""Not a test: what a program written against the installed package sees, checked by `make types`."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from adapt_embed import (
    Adapter,
    Index,
    PretrainConfig,
    TrainConfig,
    batch_adapters,
    bench_adapters,
    ensemble_adapters,
    export_adapter,
    export_model,
    import_adapter,
    load,
    merge_adapters,
    plan_test,
    pretrain,
    pull_adapter,
    push_adapter,
    report_test,
    sweep,
    train,
)
from adapt_embed.events import Quiet
from numpy.typing import NDArray

pairs = [("who pays the rent?", "The tenant.")]
legal = train("legal", pairs, base="bge-small-en", config=TrainConfig(epochs=2), gram_rank=64, register=False, events=Quiet())
best = sweep("legal", pairs, trials=3, settings={"epochs": 1}, space={"rank": [4, 8]}, until="nDCG@10>=0.7", processes=2, dev=[Path("dev")])
started = pretrain("legal", ["corpus.jsonl"], objective="tsdae", glossary=Path("terms.csv"), config=PretrainConfig(epochs=1))
train("legal", pairs, init_from=started.reference)
both = merge_adapters([legal, "medical", Path("folder")], method="ties", weights=[1, 2, 3], settings={"density": 0.2}, rank="full")
side_by_side = ensemble_adapters([both, load("base", dtype="fp32")], mode="mean", dim=None)
table = bench_adapters([both, "legal@best"], data=["law", Path("tax.csv")], tasks=("SciFact",), offline=True)

pushed = push_adapter(both, "me/both", tag="v1", base_ids=("me/base",), yes=True, dry_run=True)

pulled = pull_adapter("me/both", revision="v1", name="theirs", strict=True)

assert_type(load(pulled.reference), Adapter)
assert_type(pushed.commit, str | None)
assert_type(side_by_side, Adapter)
assert_type(export_adapter(both, Path("both.tar")).size, int)
assert_type(export_model("legal", "model", format="onnx", int8=True).files, dict[str, int])
assert_type(import_adapter("both.tar", name="合并"), Adapter)
assert_type(batch_adapters([legal, "medical"]).encode_query(["who?", "what?"], ["legal", 1]), NDArray[np.float32])
assert_type(legal.encode_query("who?"), NDArray[np.float32])
assert_type(legal.similarity(["who?"], legal.encode_document(["The tenant."])), NDArray[np.float32])
assert_type(both.path, Path | None)
assert_type(list(table), list[dict[str, Any]])
assert_type(legal.scores["dev"].after, float | None)
assert_type(best, Adapter)

index = Index.build("passages.csv", Path("index"), reference=legal, base="bge-small-en", vectors="bf16")
found = index.search("who?", [legal, "medical"], top=3, answers={"q": {"p": 1}}, ids=["q"])
assert_type(found.queries[0].hits[0].ranks["base"], int)
assert_type(index.text(0), str | None)

assert_type(plan_test("preference", effect=0.05, keep=Path("log")).always_valid.per_arm, int)
assert_type(report_test("log", metric="mrr", html="report.html", html_lang="zh").verdicts[0].days_left, float | None)

merge_adapters([legal], density=0.5)  # type: ignore[call-arg]  # an unknown option is seen
export_model(legal, "model", format="tflite")  # type: ignore[arg-type]
train("legal", pairs, gram_rank="all")  # type: ignore[arg-type]
