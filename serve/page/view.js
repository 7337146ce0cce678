// What is shown. Whatever came from the server or the user goes in as text, never as HTML.

import { DEPTH, SHOWN, moved, places } from "./ranking.js";

const at = id => document.getElementById(id);

function element(name, classes, text) {
  const made = document.createElement(name);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function sayAll(words, language) {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = `adapt: ${words.title}`;
  for (const each of document.querySelectorAll("[data-words]")) each.textContent = words[each.dataset.words];
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", words[each.dataset.label]);
  for (const each of document.querySelectorAll("[data-language]")) each.setAttribute("aria-pressed", String(each.dataset.language === language));
}

export function offerModels(names) {
  const chosen = { left: at("left").value || "base", right: at("right").value || (names.find(each => each !== "base") ?? names[0]) };
  for (const [side, name] of Object.entries(chosen)) {
    at(side).replaceChildren(...names.map(each => new Option(each, each)));
    at(side).value = names.includes(name) ? name : names[0];
  }
}

export function showFault(text) {
  at("fault").textContent = text;
  at("fault").hidden = !text;
}

export function showColumns(left, right, words) {
  showColumn("left", left, right, words);
  showColumn("right", right, left, words);
}

function showColumn(side, column, other, words) {
  const pinned = column.reference && column.reference !== column.name ? ` (${column.reference})` : "";
  at(`${side}-name`).textContent = column.name + pinned;
  at(`${side}-took`).textContent = words.took(column.ms === null ? null : column.ms.toFixed(1), column.whole.toFixed(0));
  const mark = side === "right" ? markOfRight : markOfLeft;
  at(`${side}-list`).replaceChildren(...places(column, other).map(place => row(place, mark(place, other, words), words)));
}

function row({ item, here }, mark, words) {
  const made = element("li", "result");
  const head = element("div", "head");
  const title = item.title || item.text || item.id;
  head.append(element("span", "place", String(here)), element("span", "title", title), mark);
  const foot = element("p", "foot soft", `${item.id} · ${words.score} ${item.score?.toFixed(4) ?? "–"}`);
  made.append(head, ...(item.title && item.text ? [element("p", "text", item.text)] : []), foot);
  return made;
}

// On the right: where the item stands beside its place on the left.
function markOfRight(place, other, words) {
  const kind = moved(place), distance = Math.abs((place.there ?? 0) - place.here);
  const known = Math.min(DEPTH, other.items.length);
  const shown = {
    same: ["=", words.same],
    up: [`↑${distance}`, words.up(distance)],
    down: [`↓${distance}`, words.down(distance)],
    new: place.there === null
      ? [`${words.newcomer} · ${words.wasFar(known)}`, words.enteredFar(known)]
      : [`${words.newcomer} · ${words.was(place.there)}`, words.entered(place.there)],
  }[kind];
  return marked(`mark ${kind}`, ...shown);
}

// On the left: where it is to be found on the right, if it is not shown there.
function markOfLeft(place, other, words) {
  if (place.there !== null && place.there <= SHOWN) return element("span", "mark");
  const text = place.there === null ? words.elsewhereFar(Math.min(DEPTH, other.items.length)) : words.elsewhere(place.there);
  return marked("mark gone", text, text);
}

function marked(classes, shown, spoken) {
  const made = element("span", classes);
  const sign = element("span", "", shown);
  sign.setAttribute("aria-hidden", "true");
  made.append(sign, element("span", "spoken", spoken));
  return made;
}
