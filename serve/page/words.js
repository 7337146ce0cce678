// What the page says, in English and Chinese; a function where something is put in.

const times = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export const WORDS = {
  en: {
    title: "Two models side by side",
    language: "Language",
    key: "API key",
    useKey: "Use",
    keyNote: "Kept in this page alone, and gone when it is closed.",
    left: "Left",
    right: "Right",
    texts: "Texts, one a line",
    textsNote: "This server has no index, so that the query is compared with the texts that stand here.",
    query: "Query",
    go: "Search",
    up: count => `up ${times(count, "place", "places")}`,
    down: count => `down ${times(count, "place", "places")}`,
    same: "same place",
    entered: place => `new, ${place} on the left`,
    enteredFar: count => `new, beyond ${count} on the left`,
    newcomer: "new",
    was: place => `was ${place}`,
    wasFar: count => `was beyond ${count}`,
    elsewhere: place => `right: ${place}`,
    elsewhereFar: count => `right: beyond ${count}`,
    took: (server, whole) => (server === null ? `${whole} ms` : `${server} ms on the server, ${whole} ms in all`),
    score: "score",
    working: "Searching …",
    found: (count, moved) => `${times(count, "result", "results")} on each side; ${moved} of those on the right in another place than on the left`,
    none: "Nothing was found.",
    noTexts: "Paste at least one text.",
    manyTexts: count => `At most ${count} texts at a time.`,
    needsKey: "This server asks for a key: enter it above.",
    wrongKey: "The server does not take this key.",
    busy: seconds => `The server is busy; try again in ${times(seconds, "second", "seconds")}.`,
    refused: (status, said) => `The server refused: ${status}${said ? `, ${said}` : ""}`,
    unreachable: "The server does not answer.",
    onlyBase: "This server has one model alone; both sides show it.",
  },
  zh: {
    title: "两个模型并排比较",
    language: "语言",
    key: "API 密钥",
    useKey: "使用",
    keyNote: "只保存在本页面中，关闭后即消失。",
    left: "左侧",
    right: "右侧",
    texts: "文本，每行一条",
    textsNote: "此服务器没有索引，因此将查询与这里的文本比较。",
    query: "查询",
    go: "搜索",
    up: count => `上升 ${count} 位`,
    down: count => `下降 ${count} 位`,
    same: "位置不变",
    entered: place => `新出现，左侧第 ${place} 位`,
    enteredFar: count => `新出现，左侧在前 ${count} 位之外`,
    newcomer: "新",
    was: place => `原第 ${place} 位`,
    wasFar: count => `原在 ${count} 位之后`,
    elsewhere: place => `右侧第 ${place} 位`,
    elsewhereFar: count => `右侧在 ${count} 位之后`,
    took: (server, whole) => (server === null ? `${whole} 毫秒` : `服务器 ${server} 毫秒，总计 ${whole} 毫秒`),
    score: "分数",
    working: "正在搜索……",
    found: (count, moved) => `两侧各 ${count} 条结果；右侧有 ${moved} 条与左侧位置不同`,
    none: "没有找到结果。",
    noTexts: "请至少粘贴一条文本。",
    manyTexts: count => `一次最多 ${count} 条文本。`,
    needsKey: "此服务器需要密钥：请在上方输入。",
    wrongKey: "服务器不接受此密钥。",
    busy: seconds => `服务器繁忙，请在 ${seconds} 秒后重试。`,
    refused: (status, said) => `服务器拒绝了请求：${status}${said ? `，${said}` : ""}`,
    unreachable: "服务器没有响应。",
    onlyBase: "此服务器只有一个模型，两侧显示同一个。",
  },
};

// The address says which language, where it does; else the browser's first one that is known.
export function chosenLanguage() {
  const said = new URL(location.href).searchParams.get("lang");
  const wanted = [said, ...navigator.languages].map(each => (each ?? "").toLowerCase().split("-")[0]);
  return wanted.find(each => each in WORDS) ?? "en";
}

export function rememberLanguage(language) {
  const address = new URL(location.href);
  address.searchParams.set("lang", language);
  history.replaceState(null, "", address);
}
