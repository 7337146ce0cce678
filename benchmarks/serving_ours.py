"""The server that `benchmarks/serving.py` measures: the base and adapters of random factors, and what it counts told at /sizes.

    python benchmarks/serving_ours.py PORT --base FOLDER --dtype bf16 --adapters 8

`GET /sizes` returns how many texts each batch had since the last call, and the server's memory and open files; `?merge_after=N` sets
after how many batches of one adapter it is merged.
"""

import argparse
import json
import tempfile
from pathlib import Path

import psutil
from adapt_embed.base import load_base, resolve_base
from adapt_embed.base.resolve import BaseOptions
from adapt_embed.base.sentence_files import write_json
from adapt_embed.encoders import standing
from adapt_embed.lora import CONFIG, WEIGHTS, LoraModule, lora_config, write_lora
from adapt_embed.references import EncoderSettings, Search
from adapt_embed.registry import open_registry
from adapt_embed.registry.foreign import add_folder
from adapt_embed.serve.app import make_app
from adapt_embed.serve.job import ServeRequest, prepare_serve
from adapt_embed.serve.options import Limits, ServeOptions
from adapt_embed.serve.run import listen, run
from mixed_batch import draw_factors
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--base", required=True)
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--adapters", type=int, default=8)
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--limits", type=json.loads, default={})
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        fill(Path(home), options.base, options.adapters)
        serve(Path(home), options)


def fill(home: Path, base: str, adapters: int) -> None:
    """Make a registry with adapters of random factors on every linear module of the layers."""
    registry, loaded = open_registry(home / "registry"), load_base(resolve_base(base))
    for number in range(adapters):
        folder = home / f"bare-{number}"
        folder.mkdir()
        factors: dict[str, LoraModule] = draw_factors(loaded.model, number)
        write_lora(factors, folder / WEIGHTS)
        write_json(folder / CONFIG, lora_config(factors, base, None))
        add_folder(registry, folder, name=f"a{number}", domain=None, base_reference=None, options=BaseOptions(), side=None)


def serve(home: Path, options: argparse.Namespace) -> None:
    where = Search(registry=open_registry(home / "registry"), base=options.base)
    given = ServeOptions(port=options.port, keys=tuple(options.key), limits=Limits(**options.limits))
    names = [f"a{number}" for number in range(options.adapters)]
    settings = EncoderSettings(precision=options.dtype)
    job = prepare_serve(ServeRequest(references=("base", *names), where=where, settings=settings, options=given))
    with listen(given) as bound:
        served, sizes = job.open(), list[int]()
        count = served.counters.batch

        def counted(texts: int, *rest: object) -> None:
            sizes.append(texts)
            count(texts, *rest)  # type: ignore[arg-type]

        async def tell(request: Request) -> JSONResponse:
            standing.MERGE_AFTER = int(request.query_params.get("merge_after", standing.MERGE_AFTER))
            since, process = list(sizes), psutil.Process()
            sizes.clear()
            memory, files = process.memory_info().rss, process.num_fds()
            return JSONResponse({"sizes": since, "rss": memory, "files": files, "queued": served.queued})

        served.counters.batch = counted  # type: ignore[method-assign]
        run(make_app(served, given, more_routes=[Route("/sizes", tell)]), bound, given)


if __name__ == "__main__":
    main()
