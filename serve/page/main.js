// The page: what the user does, what is asked of the server, what is shown.

import { DEPTH, countMoved } from "./ranking.js";
import { Refused, Server } from "./server.js";
import { offerModels, sayAll, showColumns, showFault } from "./view.js";
import { WORDS, chosenLanguage, rememberLanguage } from "./words.js";

const MOST_TEXTS = 100;
const at = id => document.getElementById(id);
const server = new Server();
const searches = document.documentElement.dataset.search === "yes";
let language = chosenLanguage();
let columns = null; // what is shown now
let fault = null; // words -> what went wrong
let asking = null; // what ends the request that is under way

const words = () => WORDS[language];

function show() {
  sayAll(words(), language);
  showFault(fault ? fault(words()) : "");
  at("status").textContent = asking ? words().working : "";
  at("columns").hidden = !columns;
  if (!columns) return;
  showColumns(...columns, words());
  const count = Math.min(10, columns[1].items.length);
  if (!asking) at("status").textContent = count ? words().found(count, countMoved(...columns)) : words().none;
}

function faultOf(error) {
  if (!(error instanceof Refused)) return said => said.unreachable;
  if (error.status === 401) return said => (server.hasKey ? said.wrongKey : said.needsKey);
  if (error.status === 429) return said => said.busy(error.retryAfter);
  return said => said.refused(error.status, error.message);
}

// Does one thing at a time: what was asked before is given up.
async function ask(what) {
  asking?.abort();
  const own = (asking = new AbortController());
  fault = null;
  show();
  try {
    await what(own.signal);
  } catch (error) {
    if (own !== asking) return;
    fault = faultOf(error);
    columns = null; // they would stand below another query than theirs
    if (error instanceof Refused && error.status === 401) at("key-field").hidden = false;
  }
  if (own === asking) asking = null;
  if (!asking) show();
}

function listModels() {
  return ask(async signal => {
    const names = await server.models(signal);
    offerModels(names);
    if (names.length === 1) fault = said => said.onlyBase;
  });
}

function search() {
  const models = [at("left").value, at("right").value];
  const query = at("query").value.trim();
  const texts = at("texts").value.split("\n").map(each => each.trim()).filter(Boolean);
  if (!query || models.includes("")) return undefined;
  return ask(async signal => {
    if (!searches && !texts.length) fault = said => said.noTexts;
    else if (!searches && texts.length > MOST_TEXTS) fault = said => said.manyTexts(MOST_TEXTS);
    else columns = searches ? await server.search(query, models, DEPTH, signal) : await server.compare(query, texts, models, signal);
  });
}

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    language = button.dataset.language;
    rememberLanguage(language);
    show();
  });
}
function useKey() {
  server.useKey(at("key").value.trim());
  listModels();
}
at("use-key").addEventListener("click", useKey);
at("key").addEventListener("keydown", event => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  useKey();
});
at("form").addEventListener("submit", event => {
  event.preventDefault();
  search();
});
for (const side of ["left", "right"]) at(side).addEventListener("change", search);
at("texts-field").hidden = searches;
at("key").value = ""; // a browser that comes back to the page may have kept it
show();
listModels();
