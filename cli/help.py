"""What `--help` shows beside each option's line: examples, and the options in groups; both in tables here, for all commands."""

from __future__ import annotations

import click

EXAMPLES = {
    "": ("adapt train --domain legal", "adapt bench legal", "adapt encode legal texts.txt -o vectors.npy"),
    "ab": ("adapt ab plan --metric ctr --baseline 0.1 --effect 0.01 --per-day 5000", "adapt ab report events --effect 0.01"),
    "ab forget": ("adapt ab forget events customer-4711", "adapt ab forget events 王小明 --json"),
    "ab plan": (
        "adapt ab plan --metric ctr --baseline 0.1 --effect 0.01 --per-day 5000",
        "adapt ab plan --metric time-to-click --baseline 20 --effect 1 --sd 30",
        "adapt ab plan --metric preference --effect 0.05",
    ),
    "ab report": (
        "adapt ab report events --metric mrr --effect 0.01",
        "adapt ab report events --html report.html --html-lang zh",
    ),
    "data": ("adapt data export my-data -o my-data.jsonl",),
    "data augment": (
        "adapt data augment my-data -o more -m synonyms --glossary terms.csv",
        "adapt data augment my-data -o more -m inverse-cloze --rows 1000",
        "adapt data augment d -o o -m llm --endpoint http://[::1]:80/v1 --model qwen3",
    ),
    "data glossary": ("adapt data glossary terms.xlsx -o terms.jsonl",),
    "data rules": ("adapt data rules my-data --rules rules.toml -o ruled",),
    "data clean": (
        "adapt data clean my-data -o clean-data",
        "adapt data clean pairs.jsonl -o clean.jsonl --script simplified",
    ),
    "data export": ("adapt data export my-data -o my-data.jsonl", "adapt data export my-lines -o my-beir --to beir"),
    "data clicks": (
        "adapt data clicks log.csv --catalogue items.csv -o pairs",
        "adapt data clicks 日志.csv --catalogue 商品.xlsx --columns query=词,item=货 -o 对",
        "adapt data clicks log.csv --catalogue items.csv --examination log -o x.jsonl",
        "adapt data clicks events --catalogue shop/corpus.jsonl -o pairs",
    ),
    "data mine": (
        "adapt data mine my-data -o mined.jsonl",
        "adapt data mine my-data -o mined --by base --by bm25 --terms terms.txt",
        "adapt data mine my-data -o mined.jsonl --cross-encoder my-reranker",
    ),
    "data score": (
        "adapt data score mined.jsonl -o scored.jsonl --cross-encoder my-reranker",
        "adapt data score my-data -o scored --by legal@2",
    ),
    "data split": (
        "adapt data split my-data -o my-split",
        "adapt data split my-lines.jsonl -o my-split --by time --dev 0.1 --test 500",
    ),
    "data stats": (
        "adapt data stats my-data",
        "adapt data stats my-data --base bge-small-zh --balance balanced.jsonl",
        "adapt data stats my-data --no-vectors --json",
    ),
    "train": (
        "adapt train --domain legal --dry-run",
        "adapt train --domain legal --print-config > legal.toml",
        "adapt train --domain medical --data my-data --set epochs=2",
        "adapt train --domain legal --lang zh --name 法律",
        "adapt train --domain legal --init-from legal-pretrained",
        "adapt train --domain legal --data my-data --side query --index my-index",
    ),
    "sweep": (
        "adapt sweep --domain legal --trials 20 --html sweep.html",
        "adapt sweep --domain legal --data my-data --space space.yaml --processes 2",
        'adapt sweep --domain legal --set epochs=2 --until "nDCG@10>=0.7"',
    ),
    "pretrain": (
        "adapt pretrain --domain legal --corpus my-texts.jsonl",
        "adapt pretrain --domain legal --corpus 法条.txt --lang zh --glossary 术语.csv",
    ),
    "merge": (
        "adapt merge legal medical --weights 0.7,0.3",
        "adapt merge legal medical --search legal,medical --plot curve.svg",
    ),
    "ensemble": ("adapt ensemble legal medical --mode mean",),
    "bench": ("adapt bench legal medical --domain legal", 'adapt bench legal@2 --data my-data --require "nDCG@10 >= base + 0.02"'),
    "encode": (
        "adapt encode legal questions.txt --as query -o questions.npy",
        "adapt encode base texts.txt > vectors.jsonl",
    ),
    "index": ("adapt index build docs.jsonl -o docs", "adapt index info docs"),
    "index build": ("adapt index build docs.jsonl -o docs", "adapt index build my-data -o docs --base bge-small-en --vectors bf16"),
    "index add": ("adapt index add docs more.csv --text-column body",),
    "index info": ("adapt index info docs",),
    "index verify": ("adapt index verify docs",),
    "search": (
        'adapt search legal --index docs "who pays the rent?"',
        "adapt search legal --index docs --queries q.jsonl --qrels test.tsv",
    ),
    "serve": (
        "adapt serve",
        "adapt serve legal@best --keys keys.txt --host 0.0.0.0 --allow-host me.example",
        "adapt serve --dry-run",
        'adapt serve --index docs --events log --split "base=50,legal@best=50"',
    ),
    "list": ("adapt list --domain legal",),
    "show": ("adapt show legal@1", "adapt show base", "adapt show base --base bge-small-zh"),
    "rm": ("adapt rm legal@1",),
    "runs": ("adapt runs", "adapt runs --html curves.html legal@1 legal@2", "adapt runs rm 0f3c"),
    "runs page": ("adapt runs --html curves.html legal@1 legal@2",),
    "runs rm": ("adapt runs rm 0f3c", "adapt runs rm --all --yes"),
    "alias": ("adapt alias legal@2 best", "adapt alias legal best --remove"),
    "add": ("adapt add my-lora --name legal --base bge-small-en", "adapt add my-lora --name legal-queries --side query"),
    "card": ("adapt card legal", "adapt card legal --bench scores.json --license apache-2.0 -o README.md"),
    "export": ("adapt export legal legal.tar", "adapt export legal@2 --merged legal-model", "adapt export legal --onnx legal-onnx --int8"),
    "import": ("adapt import legal.tar", "adapt import legal.tar --name 法律"),
    "pull": ("adapt pull owner/legal", "adapt pull owner/lora --revision v2 --name lora --base bge-small-en", "adapt pull --all owner"),
    "update": ("adapt update legal",),
    "push": (
        "adapt push legal me/legal --tag v3",
        "adapt push legal me/legal --dry-run",
        "adapt push legal-medical-concat team/both --bundle --private",
    ),
    "verify": ("adapt verify", "adapt verify --fix"),
    "base": ("adapt base list",),
    "base list": ("adapt base list",),
    "base link": ("adapt base link my-bases/bge-small-en --as bge-small-en", "adapt base link --as bge-small-en --undo"),
    "base compare": ("adapt base compare minilm bge-small-en --data my-data",),
    "base convert": ("adapt base convert my-bases/old-model -o my-bases/new-model",),
}
"""Command -> lines that can be typed."""

_OWN = "Options"
GROUPS = {
    _OWN: ("base link as",),
    "Data": (
        "data",
        "data-license",
        "domain",
        "train-queries",
        "dev",
        "tasks",
        "bench set",
        "offline",
        "split",
        "general-data",
        "corpus",
        "glossary",
        "columns",
        "encoding",
        "sheet",
        "skip-bad",
        "skip-dangling",
        "as",
        "search",
        "general",
        "pca",
        "index",
        "search query",
        "queries",
        "qrels",
        "search top",
        "id-column",
        "text-column",
        "title-column",
        "ref",
        "vectors",
        "texts",
        "data split seed",
        "data stats seed",
        "base compare seed",
    ),
    "Base": ("base", "base-as", "lang", "pooling", "ignore-field", "base-id"),
    "Training": (
        "objective",
        "init-from",
        "side",
        "train index",
        "sweep index",
        "candidates",
        "config",
        "set",
        "train seed",
        "sweep seed",
        "pretrain seed",
        "seeds",
        "train processes",
        "gram-rank",
        "gram",
        "resume",
    ),
    "Sweep": ("trials", "space", "until", "processes"),
    "Merging": ("merge method", "weights", "rank", "energy", "with-base", "store"),
    "Search of weights": ("merge search", "merge general", "tolerance", "evaluations", "curve-steps"),
    "Ensemble": ("mode", "ensemble weights", "ensemble dim", "ensemble pca"),
    "Judgement": ("metric", "require", "decontaminate"),
    "Card": ("card repo", "license", "bench", "card-lang", "card-template"),
    "Serving": ("host", "port", "wait-ms", "max-texts", "max-body", "max-queue", "memory", "token-ids"),
    "Search": ("serve index", "serve index-of", "serve texts"),
    "Experiments": ("serve split", "interleave", "explore", "events", "event-window", "keep-days", "fsync"),
    "Security": ("keys", "no-keys", "public-page", "allow-host"),
    "Hub": ("private", "push revision", "message", "tag", "create-pr", "over", "bundle", "keep-name", "push yes"),
    "Computing": ("device", "dtype", "max-tokens", "dim", "batch-tokens", "cache", "fresh", "cache-size"),
    "Registry": ("name", "merge domain", "add domain", "add side", "list domain", "registry"),
    "Output": (
        "output",
        "out",
        "merged",
        "onnx",
        "int8",
        "plot",
        "html",
        "html-lang",
        "per-query",
        "mteb-results",
        "tensorboard",
        "explain",
        "methods",
        "dry-run",
        "print-config",
        "json",
        "version",
        "help",
    ),
}
"""Heading -> its options; a command before an option speaks of that command's alone. An option with a `heading` says it itself; what is in no group is a
command's own."""
_HEADINGS = {option: heading for heading, options in GROUPS.items() for option in options}


class Helpful(click.Command):
    """A command whose help has examples, and the options in groups."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, then examples, whose lines are never broken."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            for line in EXAMPLES[_path(ctx)]:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options group by group, then the commands where there are any."""
        groups: dict[str, list[tuple[str, str]]] = {heading: [] for heading in GROUPS}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if record:
                groups[_heading(_path(ctx), parameter)].append(record)
        for heading, records in groups.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)


def _path(ctx: click.Context) -> str:
    """Return a command's name behind those of the groups that it is in, without the program's."""
    names = []
    while ctx.parent is not None:
        names.append(str(ctx.info_name))
        ctx = ctx.parent
    return " ".join(reversed(names))


def _heading(command: str, parameter: click.Parameter) -> str:
    name = max(parameter.opts, key=len).lstrip("-")
    if (heading := getattr(parameter, "heading", None)) is not None:
        return str(heading)
    return _HEADINGS.get(f"{command} {name}") or _HEADINGS.get(name, _OWN)
