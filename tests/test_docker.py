"""The Docker files, as far as they can be checked without a daemon: they fit together, and the server takes their command."""

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from adapt_embed.cli import main
from click.testing import CliRunner

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "docker"
INSTRUCTIONS = {"FROM", "ARG", "ENV", "RUN", "COPY", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="examples/ is in the repository alone")


def instructions() -> list[tuple[str, str]]:
    """Every instruction of the Dockerfile with its words, lines that go on joined."""
    lines = [line for line in (FOLDER / "Dockerfile").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines()]


def of(name: str) -> list[str]:
    return [words for instruction, words in instructions() if instruction == name]


@pytest.fixture
def compose() -> dict:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))


def test_every_instruction_is_known_and_what_is_copied_from_the_repository_is_there() -> None:
    assert {name for name, _ in instructions()} <= INSTRUCTIONS
    copied = [shlex.split(words)[0] for words in of("COPY") if "--from" not in words]
    assert copied == ["."]
    for needed in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "NOTICE", "registry.json"):
        assert (ROOT / needed).is_file()
        assert not any(Path(needed).match(line) for line in ignored())
    assert [words.split()[-1] for words in of("COPY") if "--from=build" in words] == ["/opt/adapt"]


def ignored() -> list[str]:
    lines = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_no_package_of_the_installed_ones_is_left_out_of_the_build() -> None:
    import tomllib

    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert {name.split(".")[1] for name in packages if "." in name} & set(ignored()) == set()


def test_the_container_runs_as_a_user_without_rights_and_never_asks_the_hub(compose: dict) -> None:
    assert of("USER") == ["10001:10001"]
    assert "HF_HUB_OFFLINE=1" in of("ENV")[-1]
    assert "[serve]" in of("RUN")[1]
    service = compose["services"]["adapt"]
    assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert all(port.startswith("127.0.0.1:") for each in compose["services"].values() for port in each["ports"])


def test_what_compose_names_exists_and_fits_together(compose: dict) -> None:
    build = compose["services"]["adapt"]["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT.resolve()
    assert (ROOT / build["dockerfile"]).is_file()
    volumes = json.loads(of("VOLUME")[0])
    mounted = [volume.split(":") for each in compose["services"].values() for volume in each["volumes"]]
    assert {parts[0] for parts in mounted if not parts[0].startswith(".")} == set(compose["volumes"])
    assert {parts[1] for parts in mounted if parts[1] in volumes} == {"/registry", "/bases", "/cache", "/events"}
    assert all(set(each["secrets"]) == set(compose["secrets"]) for each in compose["services"].values())
    assert (FOLDER / "prometheus.yml").is_file()


def test_prometheus_asks_the_server_where_it_listens_with_the_key_that_it_takes(compose: dict) -> None:
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    command = compose["services"]["adapt"]["command"]
    port = command[command.index("--port") + 1]
    assert job["static_configs"] == [{"targets": [f"adapt:{port}"]}]
    assert job["authorization"]["credentials_file"] == command[command.index("--keys") + 1] == "/run/secrets/adapt_key"
    assert command[command.index("--allow-host") + 1] == "adapt"
    assert job["metrics_path"] == "/metrics"
    assert f"127.0.0.1:{port}/health" in of("HEALTHCHECK")[0]
    assert of("EXPOSE") == [port]


def test_the_server_takes_the_commands(compose: dict, tiny_base: Path, tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("0123456789abcdef" * 4 + "\n", encoding="utf-8")
    assert json.loads(of("ENTRYPOINT")[0]) == ["adapt", "serve"]
    words = [word.replace("/run/secrets/adapt_key", str(tmp_path / "key.txt")) for word in compose["services"]["adapt"]["command"]]
    ran = CliRunner().invoke(main, ["serve", *words, "--base", str(tiny_base), "--dry-run", "--json"])
    assert ran.exit_code == 0, ran.output
    assert {"adapt", "127.0.0.1", "localhost"} <= set(json.loads(ran.stdout)["hosts"])
    ran = CliRunner().invoke(main, ["serve", *json.loads(of("CMD")[0]), "--base", str(tiny_base), "--dry-run"])
    assert ran.exit_code == 2, "beyond loopback a key is needed"
    assert "--keys" in ran.output


def test_no_file_names_a_registry_of_packages() -> None:
    for path in FOLDER.iterdir():
        assert not re.search(r"pypi|pythonhosted|download\.pytorch|://(?!127\.0\.0\.1)", path.read_text(encoding="utf-8")), path
