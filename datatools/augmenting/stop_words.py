"""Words that say little by themselves, in English and Chinese: no synonym is sought for them, and none is put into a query."""

_ENGLISH = (
    "a an the this that these those i you he she it we they me him her us them my your his its our their mine yours and or but if then else "
    "of to in on at by for from with into over under about as than is are was were be been being am do does did done have has had having will "
    "would shall should can could may might must what which who whom whose when where why how there here so such very just also too only own "
    "same both each any some all more most other up down out off again s t d ll m re ve"
)
_CHINESE = "的 了 着 过 是 在 和 与 及 或 而 也 都 就 还 又 很 把 被 给 对 从 向 到 于 以 为 之 其 这 那 这个 那个 哪 哪个 什么 怎么 怎样 如何 吗 呢 吧 啊 呀 我 你 他 她 它 我们 你们 他们 有 要 能 会 可以 应该 因为 所以 如果 但 但是 以及 并 并且 等 中 上 下 里 多 少 请问 一个 一些 进行"

STOP_WORDS = frozenset([*_ENGLISH.split(), *_CHINESE.split()])


def is_stop_word(word: str) -> bool:
    """Return whether a word is one of them, or a single letter or character."""
    return len(word) < 2 or word.lower() in STOP_WORDS
