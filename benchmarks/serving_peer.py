"""FastAPI and sentence-transformers as their documentation puts them together: a route that encodes what it gets, in FastAPI's threads.

python benchmarks/serving_peer.py PORT --base FOLDER --dtype bf16
"""

import argparse

import torch
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer


class Asked(BaseModel):
    """As OpenAI's contract has it, of which the peer reads the text alone."""

    input: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("--base", required=True)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    options = parser.parse_args()
    words = Transformer(options.base)
    model = SentenceTransformer(modules=[words, Pooling(words.get_embedding_dimension(), "cls"), Normalize()], device="cpu")
    if options.dtype == "bf16":
        model = model.to(torch.bfloat16)
    prompt = "Represent this sentence for searching relevant passages: "
    app = FastAPI()

    @app.post("/v1/embeddings")
    def embeddings(asked: Asked) -> dict[str, object]:
        vector = model.encode(asked.input, prompt=prompt, convert_to_tensor=True, show_progress_bar=False).float()
        return {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": vector.tolist()}]}

    uvicorn.run(app, port=options.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
