"""The languages that are told apart, as ISO 639-1 codes; Cantonese and Wu are told as Chinese."""

_CODES = (
    "af ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko lo lt lv mk ml mn mr ms mt "
    "my ne nl no pa pl ps pt ro ru si sk sl sq sr sv sw ta te th tl tr uk ur uz vi zh"
)
LANGUAGES = tuple(_CODES.split())
"""Latin, creoles and the like are left out: names of goods and of medicines look like them."""
