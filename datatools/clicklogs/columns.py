"""What the columns of a click log mean: the usual names, in English and in Chinese."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

from ...errors import ConfigError, DataError, unknown_name

LOG_FIELDS: dict[str, tuple[str, ...]] = {
    "query": (
        "query",
        "q",
        "search",
        "searchterm",
        "searchquery",
        "keyword",
        "keywords",
        "查询",
        "查询词",
        "搜索",
        "搜索词",
        "关键词",
        "查詢",
        "關鍵詞",
    ),
    "item": ("item", "itemid", "product", "productid", "sku", "skuid", "asin", "docid", "商品", "商品id", "商品编号", "货号", "商品編號"),
    "position": ("position", "pos", "rank", "位置", "排名", "名次", "展示位置"),
    "clicked": ("clicked", "click", "clicks", "isclick", "isclicked", "点击", "是否点击", "点击数", "点击次数", "點擊"),
    "bought": ("bought", "purchased", "purchase", "purchases", "order", "orders", "购买", "是否购买", "成交", "下单", "購買"),
    "shown": ("shown", "impressions", "impression", "views", "exposures", "曝光", "曝光数", "展示", "展示数", "展示次数", "曝光次数"),
    "time": ("time", "timestamp", "ts", "date", "datetime", "时间", "日期", "时间戳", "時間"),
    "user": ("user", "userid", "uid", "customer", "customerid", "visitor", "visitorid", "用户", "用户id", "用户编号", "会员", "用戶"),
    "session": ("session", "sessionid", "会话", "会话id", "會話"),
    "list": ("list", "listid", "searchid", "requestid", "impressionid", "serpid", "列表", "列表id", "请求", "请求id", "搜索id"),
    "randomised": ("randomised", "randomized", "random", "shuffled", "随机", "是否随机"),
}
"""Field -> the names that a column of it usually has, without case and separators."""
ID_NAMES = (*LOG_FIELDS["item"], "id", "_id", "编号", "編號")
"""The names that a catalogue's column of ids usually has."""
NEEDED = ("query", "item", "clicked")
_SEPARATORS = re.compile(r"[_\s./-]")


def folded(name: str) -> str:
    """Return a column's name without case, separators and width."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", name).strip().lower())


def assign_fields(where: str, columns: Sequence[str], named: Mapping[str, str]) -> dict[str, str]:
    """Return field -> column of a log.

    Args:
        where: What the log is called in messages.
        columns: Its heading.
        named: Field -> column, as the user named them; the rest is found by the usual names.

    Raises:
        ConfigError: a field is not one.
        DataError: a named column is not there, two columns are usual names of one field, or a needed field has none.
    """
    for field, column in named.items():
        if field not in LOG_FIELDS:
            raise ConfigError(unknown_name("column of a log", field, tuple(LOG_FIELDS)))
        if column not in columns:
            raise DataError(f"{where} has no column {column!r}, which was named for {field}; it has {', '.join(columns)}")
    found = dict(named)
    for field, names in LOG_FIELDS.items():
        usual = [column for column in columns if folded(column) in names and column not in named.values()]
        if field in found or not usual:
            continue
        if len(usual) > 1:
            raise DataError(f"{where}: the columns {' and '.join(usual)} may both hold the {field}; name one: --columns {field}={usual[0]}")
        found[field] = usual[0]
    if missing := [field for field in NEEDED if field not in found]:
        raise DataError(
            f"{where} has no column that is known by its name as {' or '.join(missing)}; name it: --columns {missing[0]}=COLUMN "
            f"(it has {', '.join(columns)})"
        )
    return found
