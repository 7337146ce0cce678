// The server that the page came from, and no other. Addresses are relative, so that it may stand behind a proxy under a path.

export class Refused extends Error {
  constructor(status, said, retryAfter) {
    super(said);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export class Server {
  #key = "";

  useKey(key) {
    this.#key = key;
  }

  get hasKey() {
    return this.#key !== "";
  }

  async models(signal) {
    const listed = await this.#ask("v1/models", undefined, signal);
    return listed.data.map(each => each.id);
  }

  // Both sides in one request, so that both search the same index at the same moment. -> [{name, items, ms, whole}]
  async search(query, models, k, signal) {
    const names = [...new Set(models)];
    const begun = performance.now();
    const { results } = await this.#ask("search", { query, model: names, k }, signal);
    const whole = performance.now() - begun;
    return models.map(name => ({ ...results[names.indexOf(name)], name, whole }));
  }

  // One side after the other, so that each has its own time. -> the same, with the numbers of lines as ids
  async compare(query, texts, models, signal) {
    const columns = [];
    for (const name of models) {
      const begun = performance.now();
      const [vector] = await this.#embed(`${name}:query`, [query], signal);
      const vectors = await this.#embed(`${name}:document`, texts, signal);
      const items = vectors.map((other, row) => ({ id: String(row + 1), text: texts[row], score: cosine(vector, other) }));
      items.sort((a, b) => b.score - a.score);
      columns.push({ name, items, ms: null, whole: performance.now() - begun });
    }
    return columns;
  }

  async #embed(model, input, signal) {
    const { data } = await this.#ask("v1/embeddings", { model, input, encoding_format: "float" }, signal);
    return data.map(each => each.embedding);
  }

  async #ask(path, body, signal) {
    const headers = {};
    if (this.#key) headers.Authorization = `Bearer ${this.#key}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(new URL(path, document.baseURI), {
      method: body === undefined ? "GET" : "POST",
      body: body === undefined ? undefined : JSON.stringify(body),
      headers,
      signal,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
    if (!answer.ok) throw new Refused(answer.status, await why(answer), Number(answer.headers.get("Retry-After")) || 1);
    return answer.json();
  }
}

async function why(answer) {
  try {
    const { error } = await answer.json();
    return typeof error === "string" ? error : (error?.message ?? "");
  } catch {
    return "";
  }
}

function cosine(a, b) {
  let product = 0, ofA = 0, ofB = 0;
  for (let row = 0; row < a.length; row += 1) {
    product += a[row] * b[row];
    ofA += a[row] * a[row];
    ofB += b[row] * b[row];
  }
  return product / Math.sqrt(ofA * ofB || 1);
}
