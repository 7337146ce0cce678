"""Domains as data: those that ship agree with mteb, and a user's own file is read and refused in clear words."""

from pathlib import Path

import mteb
import pytest
from adapt_embed.bench.cost.estimate import text_groups
from adapt_embed.bench.hub.filters import language_codes, subsets_in
from adapt_embed.bench.hub.names import find_hub_tasks
from adapt_embed.bench.task_sets import SAMPLE
from adapt_embed.data import domain_names, load_domain
from adapt_embed.data.sample import sample_names
from adapt_embed.errors import DomainError

SHIPPED = ["ecommerce", "legal", "medical"]


def test_the_three_domains_ship_with_a_description_a_sample_and_tasks_in_both_languages() -> None:
    assert domain_names() == SHIPPED
    for name in SHIPPED:
        domain = load_domain(name)
        assert domain.name == domain.sample == name
        assert set(domain.description) == {"en", "zh"}
        assert all(domain.description.values())
        for lang in ("en", "zh"):
            assert (lang, name) in sample_names()
            assert domain.tasks.get(lang) or domain.large_tasks.get(lang)
            assert domain.general_tasks[lang]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_task_name_is_mtebs_and_in_the_language_it_stands_under(name: str) -> None:
    domain = load_domain(name)
    for group in (domain.tasks, domain.large_tasks, domain.general_tasks):
        for lang, names in group.items():
            for name in names:
                if name == SAMPLE:
                    assert (lang, domain.sample) in sample_names()
                    continue
                (found,) = find_hub_tasks([name], language=lang).tasks.values()
                assert found.name == name
                assert found.subset in subsets_in(mteb.get_task(name.partition(" (")[0]), language_codes(lang))


def test_the_sets_are_those_that_two_cores_can_run() -> None:
    """Told by mteb's own statistics: nothing but the large set has more than 16,000 texts to encode."""
    for name in SHIPPED:
        domain = load_domain(name)
        for group, is_large in ((domain.tasks, False), (domain.general_tasks, False), (domain.large_tasks, True)):
            for lang, names in group.items():
                for task in find_hub_tasks([each for each in names if each != SAMPLE], language=lang).tasks.values():
                    count = sum(texts.count for texts in text_groups(task))
                    assert (count > 50_000) if is_large else (0 < count <= 16_000), (task.name, count)


def test_sets_that_mteb_evaluates_on_are_pinned_to_mtebs_revision() -> None:
    revisions = {task.metadata.dataset["path"]: task.metadata.dataset["revision"] for task in mteb.get_tasks(languages=["eng", "zho"])}
    pinned = {hub_set.id: hub_set.revision for name in SHIPPED for hub_set in load_domain(name).hub}
    shared = pinned.keys() & revisions.keys()
    assert "mteb/nfcorpus" in shared
    assert {key: pinned[key] for key in shared} == {key: revisions[key] for key in shared}


def test_every_hub_set_is_pinned_to_a_commit_and_cites_a_page() -> None:
    sets = [hub_set for name in SHIPPED for hub_set in load_domain(name).hub]
    assert sets
    for hub_set in sets:
        assert len(hub_set.revision) == 40
        assert int(hub_set.revision, 16)
        assert hub_set.page.startswith(f"https://huggingface.co/datasets/{hub_set.id}/")
        assert not hub_set.verified


def test_an_unknown_domain_is_answered_with_the_nearest_and_all_known() -> None:
    with pytest.raises(
        DomainError, match=r"unknown domain 'leagl'\. Did you mean legal\? Known: ecommerce, legal, medical; or give the path"
    ):
        load_domain("leagl")


OWN = """
name = "gardening"
sample = "legal"
[description]
en = "Plants"
[tasks]
en = ["NFCorpus"]
[[hub]]
id = "someone/garden"
revision = "main"
page = "https://example.org"
language = "en"
query = "question"
positive = "answer"
"""


def test_a_users_own_file_works_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    domain = load_domain(path)
    assert domain == load_domain(str(path))
    assert (domain.name, domain.sample, domain.tasks, domain.general_tasks) == ("gardening", "legal", {"en": ("NFCorpus",)}, {})
    (hub_set,) = domain.hub_sets("en")
    assert (hub_set.query, hub_set.split, hub_set.config, hub_set.rows, hub_set.verified) == ("question", "train", "default", None, False)
    assert domain.hub_sets("zh") == ()


def test_a_domain_without_a_name_is_called_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "roses.toml"
    path.write_text('[description]\nen = "Roses"\n')
    assert load_domain(path).name == "roses"
    assert load_domain(path).sample is None


def test_the_example_in_the_documentation_is_a_valid_domain(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs/data.md").read_text(encoding="utf-8")
    example = text.split("```toml\n")[1].split("```")[0]
    (tmp_path / "gardening.toml").write_text(example, encoding="utf-8")
    domain = load_domain(tmp_path / "gardening.toml")
    assert domain.description["en"]
    assert domain.tasks["en"]
    assert domain.general_tasks["en"]
    assert len(domain.hub) == 2
    assert len(find_hub_tasks([*domain.tasks["en"], *domain.general_tasks["en"]], language="en").tasks) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("", "x ="), "is not valid TOML"),
        (("[tasks]", "[task]"), r"unknown key 'task'\. Did you mean tasks"),
        (("[description]\nen", "description"), r"\[description\] must give a text for each language, found 'Plants'"),
        (('[description]\nen = "Plants"', ""), r"expected a table \[description\]"),
        (('en = ["NFCorpus"]', 'en = "NFCorpus"'), r"\[tasks\] must give a list of MTEB task names"),
        (('query = "question"\n', ""), 'layout "pairs" needs the names of the columns'),
        (('query = "question"', 'question = "question"'), r"unknown key of \[\[hub\]\] 'question'"),
        (('query = "question"', "query = 3"), r"\[\[hub\]\] query must be a str, found 3"),
        (('query = "question"', 'query = "question"\nrows = true'), r"\[\[hub\]\] rows must be a int, found True"),
        (('query = "question"', 'query = "question"\nrows = 0'), "rows is 0; expected at least 1"),
        (('query = "question"', 'query = "question"\nsplit = "test"'), "a test split is never trained on"),
        (('query = "question"', 'query = "question"\ndev_split = "dev"'), 'dev_split is for layout = "beir"'),
        (('query = "question"', 'query = "question"\nlayout = "beir"'), 'layout "beir" has its own columns'),
        (('query = "question"', 'query = "question"\nlayout = "table"'), "unknown layout 'table'"),
        (('revision = "main"\n', ""), r"a \[\[hub\]\] table lacks revision"),
        (("[[hub]]", "[hub]"), r"written as \[\[hub\]\] tables"),
        (('sample = "legal"', "sample = 3"), "name and sample must be texts"),
    ],
)
def test_a_malformed_domain_file_is_named_with_what_is_wrong(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace(*change, 1))
    with pytest.raises(DomainError, match=message) as caught:
        load_domain(path)
    assert str(path) in str(caught.value)


def test_a_path_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(DomainError, match=r"none\.toml does not exist; domains that ship: ecommerce, legal, medical"):
        load_domain(tmp_path / "none.toml")
