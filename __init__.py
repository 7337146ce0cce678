"""adapt: small LoRA adapters for a frozen text-embedding base. What a program needs stands here (docs/python.md); the rest is in the subpackages.

Importing this executes no other import: a name is fetched when it is asked for.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # as typing has it: checkers take it for true
if TYPE_CHECKING:
    from .adapters.config import TrainConfig
    from .adapters.pretraining.config import PretrainConfig
    from .api.abtests import plan_test, report_test
    from .api.adapter import Adapter
    from .api.batching import AdapterBatch, batch_adapters
    from .api.benching import bench_adapters
    from .api.ensembles import ensemble_adapters
    from .api.exporting import export_adapter, export_model, import_adapter
    from .api.indexes import Index
    from .api.loading import load
    from .api.merging import merge_adapters
    from .api.pretraining import pretrain
    from .api.pulling import pull_adapter
    from .api.pushing import push_adapter
    from .api.sweeping import sweep
    from .api.training import train

__all__ = [
    "Adapter",
    "AdapterBatch",
    "Index",
    "PretrainConfig",
    "TrainConfig",
    "batch_adapters",
    "bench_adapters",
    "ensemble_adapters",
    "export_adapter",
    "export_model",
    "import_adapter",
    "load",
    "merge_adapters",
    "plan_test",
    "pretrain",
    "pull_adapter",
    "push_adapter",
    "report_test",
    "sweep",
    "train",
]

_MODULES = {
    "Adapter": "api.adapter",
    "AdapterBatch": "api.batching",
    "batch_adapters": "api.batching",
    "Index": "api.indexes",
    "PretrainConfig": "adapters.pretraining.config",
    "TrainConfig": "adapters.config",
    "bench_adapters": "api.benching",
    "ensemble_adapters": "api.ensembles",
    "export_adapter": "api.exporting",
    "export_model": "api.exporting",
    "import_adapter": "api.exporting",
    "load": "api.loading",
    "merge_adapters": "api.merging",
    "plan_test": "api.abtests",
    "pretrain": "api.pretraining",
    "pull_adapter": "api.pulling",
    "push_adapter": "api.pushing",
    "report_test": "api.abtests",
    "sweep": "api.sweeping",
    "train": "api.training",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # else a checker would take any name for one that is here

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
