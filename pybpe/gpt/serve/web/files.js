// Export and import. A .jsonl holds the branches that are shown, a conversation in each line, as `pybpe gpt finetune`
// reads them; a .json holds all branches. Imported files are untrusted: their shape is checked, and every message gets
// a new id, so that no file can overwrite a conversation.

const FORMAT = "pybpe-chat";
const FORMAT_VERSION = 1;
const MOST_BYTES = 64 << 20; // of an imported file
const MOST_NODES = 20_000; // messages in one of its conversations
const MOST_CONVERSATIONS = 1000;

function download(name, text, type) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Return a conversation as {messages: [...]}. Questions that have no answer are left out. */
function asMessages(conversation) {
  const nodes = shownPath(conversation).map(({ node }) => node); // questions and answers alternate
  const answered = nodes.filter((node, i) => plainText(nodes[i - (i % 2) + 1] ?? { parts: [] }));
  const system = conversation.system.trim() ? [{ role: "system", content: conversation.system }] : [];
  return { messages: [...system, ...answered.map(asMessage)] };
}

function toJsonl(conversations) {
  const lines = conversations.map(asMessages).filter((line) => line.messages.some(({ role }) => role === "assistant"));
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function toJson(conversations) {
  const plain = conversations.map((conversation) => ({
    system: conversation.system,
    updated: conversation.updated,
    nodes: [...conversation.nodes.values()].map(({ id, parent, order, role, parts }) => ({ id, parent, order, role, parts })),
    chosen: [...conversation.chosen],
  }));
  return `${JSON.stringify({ format: FORMAT, version: FORMAT_VERSION, conversations: plain }, null, 1)}\n`;
}

/** Read an exported file or a file of conversations; return the conversations. Errors say what is wrong and where. */
function parseFile(text) {
  const whole = attempt(() => JSON.parse(text)); // null: not one value, but perhaps one in each line
  if (whole && whole.format === FORMAT) {
    if (whole.version !== FORMAT_VERSION) throw new Error(`version ${whole.version} of the file; this page reads version ${FORMAT_VERSION}`);
    if (!Array.isArray(whole.conversations)) throw new Error("the file has no list of conversations");
    return whole.conversations.map((value, index) => fromTree(value, `conversation ${index + 1}`));
  }
  const lines = text.split(/\r?\n/).map((line, index) => [line, `line ${index + 1}`]).filter(([line]) => line.trim());
  if (!lines.length) throw new Error("the file is empty");
  return (whole ? [[text, "the file"]] : lines).map(([line, where]) => {
    const value = attempt(() => JSON.parse(line));
    if (value === null) throw new Error(`${where} is not JSON`);
    return fromMessages(value, where);
  });
}

/** Return the conversation of {messages: [...]} or of a list of messages, as nanochat writes it. */
function fromMessages(value, where) {
  const messages = Array.isArray(value) ? value : value?.messages;
  if (!Array.isArray(messages)) throw new Error(`${where} has no list of messages`);
  const first = messages[0]?.role === "system" ? 1 : 0;
  const system = first ? checkedParts(messages[0].content, "system", where).map((part) => part.text).join("") : "";
  const nodes = messages.slice(first).map((message, i) => ({ id: `${i}`, parent: i ? `${i - 1}` : ROOT, role: message?.role, parts: message?.content }));
  return fromTree({ system, nodes }, where);
}

function fromTree(value, where) {
  if (!Array.isArray(value?.nodes) || !value.nodes.length) throw new Error(`${where} has no message of the user`);
  if (value.nodes.length > MOST_NODES) throw new Error(`${where} has more than ${MOST_NODES} messages`);
  const conversation = newConversation(typeof value.system === "string" ? wellFormed(value.system) : "");
  const ids = new Map([[ROOT, ROOT]]); // ids of the file -> new ids; parents stand before their children
  value.nodes.forEach((node, index) => {
    const place = `${where}, message ${index + 1}`;
    if (typeof node?.id !== "string" || ids.has(node.id)) throw new Error(`${place}: the id is missing or used twice`);
    if (!ids.has(node.parent)) throw new Error(`${place}: the parent does not stand before it`);
    const parent = ids.get(node.parent);
    const expected = conversation.nodes.get(parent)?.role === "user" ? "assistant" : "user";
    if (node.role !== expected) throw new Error(`${place}: the role must be ${expected}: user and assistant alternate`);
    const order = Number.isSafeInteger(node.order) ? node.order : index;
    const added = addNode(conversation, parent, expected, checkedParts(node.parts, expected, place), order);
    added.tokens = null; // files have no ids
    ids.set(node.id, added.id);
  });
  for (const pair of Array.isArray(value.chosen) ? value.chosen : []) {
    const [parent, child] = Array.isArray(pair) ? pair.map((id) => ids.get(id)) : [];
    if (conversation.nodes.get(child)?.parent === parent) conversation.chosen.set(parent, child);
  }
  return conversation;
}

function checkedParts(content, role, where) {
  const parts = typeof content === "string" ? [{ type: "text", text: content }] : content;
  if (!Array.isArray(parts)) throw new Error(`${where}: the content must be text or a list of parts`);
  return parts.map((part) => {
    const type = part?.type === "python_output" ? "output" : part?.type;
    const allowed = role === "assistant" ? PART_TYPES : ["text"];
    if (typeof part?.text !== "string" || !allowed.includes(type)) {
      throw new Error(`${where}: a part must have a text and one of the types ${allowed.join(", ")}`);
    }
    return { type, text: wellFormed(part.text) };
  });
}
