"""Training on text without pairs: masked words or denoised texts, as the start of an adapter. The names are imported when they are asked for."""

from typing import TYPE_CHECKING

from ...lazy import lazily

if TYPE_CHECKING:
    from .config import PretrainConfig, pretrain_config_from
    from .job import PretrainJob
    from .outcome import PretrainOutcome
    from .prepare import prepare_pretraining
    from .request import PretrainRequest

__all__ = ["PretrainConfig", "PretrainJob", "PretrainOutcome", "PretrainRequest", "prepare_pretraining", "pretrain_config_from"]
__getattr__ = lazily(
    __name__,
    {
        "PretrainConfig": "config",
        "PretrainJob": "job",
        "PretrainOutcome": "outcome",
        "PretrainRequest": "request",
        "prepare_pretraining": "prepare",
        "pretrain_config_from": "config",
    },
)
