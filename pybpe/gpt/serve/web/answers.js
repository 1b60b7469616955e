// Answers: what is asked of the server, and how its chunks become the parts and the tokens of a message.

const ALTERNATIVES = 5; // probabilities asked for with each token
const SAVE_EVERY = 2000; // milliseconds between saves while an answer is written
const CHAT_TOKEN = /^<\|(bos|(user|assistant|python|output)_(start|end))\|>$/;

// Id of a conversation -> {conversation, node, controller, ended} of its answer that is being written. deleted: true if
// another tab has deleted the conversation.
const running = new Map();

/** Return the body of the request for an answer. What the answer holds already is sent along, to be continued. */
function bodyFor(conversation, node) {
  const messages = pathTo(conversation, node.parent).map(asMessage);
  if (conversation.system.trim()) messages.unshift({ role: "system", content: conversation.system });
  const body = {
    model: model.id, messages, stream: true, stream_options: { include_usage: true },
    logprobs: true, top_logprobs: ALTERNATIVES, truncate: true, ...parameters(),
  };
  const ids = (node.tokens ?? []).flatMap((token) => token.ids);
  if (ids.length) body.continue_ids = ids;
  else if (plainText(node)) messages.push(asMessage(node)); // from a file: its ids are not known
  return body;
}

/** Mark a message as changed, so that other tabs take it. */
function touch(conversation, node) {
  node.revision += 1;
  conversation.updated = Date.now();
}

/** Stop the answer of a conversation, if one is being written, and wait until it has stopped. */
async function stopAnswer(id) {
  const job = running.get(id);
  job?.controller.abort();
  await job?.ended;
}

/** Ask the server for an answer, or for the rest of one that was stopped, and write it into its message. */
async function run(conversation, node) {
  while (running.has(conversation.id)) await stopAnswer(conversation.id);
  const job = { conversation, node, controller: new AbortController() };
  running.set(conversation.id, job);
  job.ended = follow(job);
  await job.ended;
}

async function follow(job) {
  const { conversation, node, controller } = job;
  Object.assign(node, { state: "streaming", problem: null, timing: null, finish: null, written: 0 });
  if (plainText(node) && !node.tokens?.some((token) => token.ids.length)) node.tokens = null;
  touch(conversation, node);
  showConversation(conversation);
  announce("The answer is being written");
  let problem = null;
  try {
    await save(conversation);
    await readAnswer(conversation, node, controller.signal);
    node.state = node.finish === "length" ? "length" : "done";
  } catch (error) {
    node.state = error.name === "AbortError" ? "stopped" : "failed";
    if (node.state === "failed") problem = error;
  }
  running.delete(conversation.id);
  node.problem = problem?.message ?? null;
  touch(conversation, node);
  showConversation(conversation);
  announce(problem ? node.problem : node.state === "stopped" ? "The answer was stopped" : "The answer is complete");
  if (!job.deleted) await save(conversation);
  refreshTitles();
  if (problem?.status === 0) watchServer();
  if (problem?.status === 401) askForKey().then((given) => { if (given) retry(conversation, node); });
}

async function readAnswer(conversation, node, signal) {
  const start = performance.now();
  const response = await send("/v1/chat/completions", bodyFor(conversation, node), signal);
  let [first, tokens, saved] = [null, 0, start];
  for await (const chunk of chunksOf(response)) {
    const token = takeChunk(node, chunk);
    if (!token) continue;
    const now = performance.now();
    first ??= now;
    if (!token.forced) tokens += token.ids.length;
    // The first token took as long as the prompt did, so the speed is that of those after it.
    const seconds = (now - first) / 1000;
    node.timing = { tokens, first: (first - start) / 1000, speed: seconds > 0 ? (tokens - 1) / seconds : null };
    appendToMessage(node, token);
    if (now - saved > SAVE_EVERY) {
      saved = now;
      touch(conversation, node);
      save(conversation);
    }
  }
}

/** Add what a chunk brings to an answer; return its token, or null if it has none. */
function takeChunk(node, chunk) {
  const choice = chunk.choices?.[0];
  const extra = chunk.pybpe ?? {};
  if (extra.dropped_messages > 0) node.dropped = extra.dropped_messages;
  if (chunk.usage) node.used = chunk.usage.prompt_tokens + node.written;
  if (choice?.finish_reason) node.finish = choice.finish_reason;
  const token = tokenOf(choice, extra);
  if (!token.text && !token.ids.length) return null;
  addPart(node.parts, token);
  node.tokens?.push(token);
  node.written += token.ids.length;
  return token;
}

/** Return the token of a chunk; the output of code is one "token" of many ids. */
function tokenOf(choice, extra) {
  const type = PART_TYPES.includes(extra.part) ? extra.part : "text";
  const text = String(extra.text ?? choice?.delta?.content ?? "");
  const ids = Array.isArray(extra.ids) ? extra.ids : [];
  const entry = ids.length === 1 ? choice?.logprobs?.content?.[0] : null;
  const special = entry && CHAT_TOKEN.test(entry.token) ? entry.token : null;
  const top = (entry?.top_logprobs ?? []).map(({ id, token, logprob, bytes }) => ({ id, token, logprob, bytes }));
  const [logprob, bytes] = [entry?.logprob ?? null, entry?.bytes ?? null];
  return { ids, text, type, forced: extra.forced === true, logprob, bytes, special, top };
}

/** Add a token to the parts of an answer: to the last one, or, if that is of another type, as a new one. */
function addPart(parts, { type, text }) {
  if (parts.at(-1)?.type === type) parts.at(-1).text += text;
  else if (text || type !== "text") parts.push({ type, text });
}

/** Return the type of the part in which the model writes after some tokens. */
function typeAfter(tokens) {
  const last = tokens.at(-1);
  if (!last || last.type === "output" || last.special === "<|python_end|>") return "text";
  return last.type;
}

/** Return the text that a token adds after others. A character's bytes may lie in several tokens, so all are decoded. */
function textAfter(tokens, type, { token, bytes }) {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const start = tokens.findLastIndex((before) => before.type !== type || before.special || !before.bytes) + 1;
  for (const before of tokens.slice(start)) decoder.decode(Uint8Array.from(before.bytes), { stream: true });
  return bytes ? decoder.decode(Uint8Array.from(bytes), { stream: true }) : token;
}

/** Make a branch in which token `index` of an answer is another one, and let the model go on from there. */
async function takeAlternative(conversation, node, index, alternative) {
  await stopAnswer(conversation.id);
  const kept = node.tokens.slice(0, index);
  const special = CHAT_TOKEN.test(alternative.token) ? alternative.token : null;
  const type = special === "<|python_start|>" ? "python" : typeAfter(kept);
  const text = special ? "" : textAfter(kept, type, alternative);
  const { id, logprob, bytes } = alternative;
  const taken = { ids: [id], text, type, forced: false, logprob, bytes, special, top: node.tokens[index].top };
  const branch = addNode(conversation, node.parent, "assistant", []);
  branch.tokens = [...kept, taken];
  for (const token of branch.tokens) addPart(branch.parts, token);
  if (special !== "<|assistant_end|>") return run(conversation, branch);
  conversation.updated = Date.now(); // the answer ends here
  showConversation(conversation);
  return save(conversation);
}

/** Ask again after an error: an answer that has begun becomes a new branch, so that nothing is lost. */
async function retry(conversation, node) {
  await run(conversation, plainText(node) ? addNode(conversation, node.parent, "assistant", []) : node);
}
