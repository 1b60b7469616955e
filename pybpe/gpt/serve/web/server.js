// The server: requests, its errors in words, and the events of a stream.

const KEY = "pybpe.key"; // in sessionStorage: an API key belongs to its tab, and goes with it
const MOST_EVENT = 16 << 20; // characters in one event of a stream

/** A request that failed. words: for the reader. status: of HTTP, 0 where there was no answer. wait: seconds, or null. */
class Problem extends Error {
  constructor(words, status = 0, wait = null) {
    super(words);
    [this.status, this.wait] = [status, wait];
  }
}

/** Send a request; return the response. Throws a Problem unless it is a success. body: an object, or null for GET. */
async function send(path, body = null, signal = undefined) {
  const headers = {};
  model.key ??= attempt(() => sessionStorage.getItem(KEY));
  if (model.key) headers.Authorization = `Bearer ${model.key}`;
  if (body) headers["Content-Type"] = "application/json";
  const options = { method: body ? "POST" : "GET", headers, signal, cache: "no-store", redirect: "error" };
  let response;
  try {
    response = await fetch(path, { ...options, body: body ? JSON.stringify(body) : undefined });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("The server cannot be reached. Check that pybpe gpt serve is running.");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function problemOf(response) {
  const said = String((await response.json().catch(() => null))?.error?.message ?? "").slice(0, 2000);
  const wait = Number.parseInt(response.headers.get("Retry-After"), 10);
  const soon = wait > 0 ? ` It asks to wait ${count(wait, "second")}.` : "";
  const words = {
    401: "The server wants an API key, or refuses the one that it was sent.",
    413: `The message is too long for the server. ${said}`,
    429: `The server is busy: it has no place for another request now.${soon}`,
    503: `The model is not ready yet.${soon} ${said}`,
  }[response.status];
  const status = response.status;
  return new Problem((words ?? `The server answers with an error (${status}). ${said}`).trim(), status, wait > 0 ? wait : null);
}

// Yield the data of the events of a stream (text/event-stream), as strings. The bytes of a character may arrive apart:
// the decoder keeps the first half until the second comes.
async function* eventsOf(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  let data = [];
  try {
    for (let done = false; !done; ) {
      const read = await reader.read();
      done = read.done;
      rest += done ? decoder.decode() : decoder.decode(read.value, { stream: true });
      if (rest.length > MOST_EVENT) throw new Problem("The server sent an event that is too long.");
      const lines = rest.split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
        else if (line === "" && data.length) {
          yield data.join("\n");
          data = [];
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // tells the server that nobody listens
  }
}

/** Yield the chunks of an answer, until [DONE]. Throws a Problem for an error in the stream and for an end before it. */
async function* chunksOf(response) {
  const lost = "The connection ended in the middle of the answer.";
  try {
    for await (const data of eventsOf(response)) {
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Problem(`The server broke off the answer. ${chunk.error.message ?? ""}`);
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    throw new Problem(error instanceof SyntaxError ? "The server sent something that is not JSON." : lost);
  }
  throw new Problem(lost);
}

/** The model of the server: its id, and what the server says of it, {context, vocabulary, chat, tools, loading}. */
const model = { id: null, about: {}, key: null };

// Ask for the model until it is there and loaded. `show(state, words)` is called with what is known, and `askForKey()`
// where a key is wanted: if it gives false, the search ends in the state "locked".
async function findModel(show, askForKey) {
  for (;;) {
    try {
      const list = await (await send("/v1/models")).json();
      model.id = String(list.data[0].id);
      const one = await (await send(`/v1/models/${encodeURIComponent(model.id)}`)).json();
      model.about = one.pybpe ?? {};
      if (model.about.loading) show("loading", "The model is being loaded");
      else if (model.about.chat === false) return show("gone", "This model has not learned to talk: pybpe gpt finetune");
      else return show("ready", "Ready");
    } catch (error) {
      if (error.status === 401) {
        show("locked", "The server wants an API key");
        if (await askForKey()) continue;
        return;
      }
      if (error.status === 503) show("loading", "The model is being loaded");
      else show("gone", error instanceof Problem ? error.message : "This server has no model");
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}
