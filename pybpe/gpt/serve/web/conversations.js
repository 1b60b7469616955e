// Conversations. A conversation is a tree: an edited message and a regenerated answer are siblings of the first ones.
//
//   conversation  {id, system, updated, nodes: Map(id -> node), chosen: Map(id of a node or "" -> id of its child)}
//   node          {id, parent, order, revision, role, parts, tokens, state, ...}
//     parent      the id of the message before, "" for the first
//     order       its place among its siblings; revision grows with each change, so that two tabs can be merged
//     parts       [{type: "text" | "python" | "output", text}]
//     tokens      of an answer: [{ids, text, type, forced, logprob, bytes, special, top}], or null where the ids are not known
//     state       "done", "streaming", "stopped", "length" (out of tokens) or "failed", then with problem: words

const ROOT = "";
const PART_TYPES = ["text", "python", "output"];

function newConversation(system = "") {
  return { id: newId(), system, updated: Date.now(), nodes: new Map(), chosen: new Map() };
}

function addNode(conversation, parent, role, parts, order = nextOrder(conversation, parent)) {
  const tokens = role === "assistant" ? [] : null;
  const node = { id: newId(), parent, order, revision: 1, role, parts, tokens, state: "done" };
  conversation.nodes.set(node.id, node);
  conversation.chosen.set(parent, node.id);
  return node;
}

const nextOrder = (conversation, parent) => 1 + (familyOf(conversation).get(parent)?.at(-1).order ?? 0);

/** Return a Map from the id of each node that has children to these, in order. */
function familyOf(conversation) {
  const family = new Map();
  for (const node of conversation.nodes.values()) {
    if (!family.has(node.parent)) family.set(node.parent, []);
    family.get(node.parent).push(node);
  }
  for (const children of family.values()) children.sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
  return family;
}

/** Return the messages that are shown, first to last, as [{node, siblings}]. */
function shownPath(conversation) {
  const family = familyOf(conversation);
  const path = [];
  for (let parent = ROOT; family.has(parent); parent = path.at(-1).node.id) {
    const siblings = family.get(parent);
    const node = siblings.find((sibling) => sibling.id === conversation.chosen.get(parent)) ?? siblings.at(-1);
    path.push({ node, siblings });
  }
  return path;
}

/** Return the messages that lead to a node, the node included. */
function pathTo(conversation, id) {
  const path = [];
  for (let node = conversation.nodes.get(id); node; node = conversation.nodes.get(node.parent)) path.push(node);
  return path.reverse();
}

const plainText = (node) => node.parts.map((part) => part.text).join("");

/** Return a message as the API reads it and as exports hold it: a string if all is text, otherwise a list of parts. */
function asMessage(node) {
  const isText = node.parts.every((part) => part.type === "text");
  return { role: node.role, content: isText ? plainText(node) : node.parts.map(({ type, text }) => ({ type, text })) };
}

/** Return the beginning of the first message, as it was at first, in one line. */
function titleOf(conversation) {
  const first = familyOf(conversation).get(ROOT)?.[0];
  const words = first ? plainText(first).slice(0, 400).replace(/\s+/g, " ").trim() : "";
  const letters = [...words];
  return (letters.length > 60 ? `${letters.slice(0, 60).join("")}…` : words) || "New conversation";
}

/** Take what another tab has added or changed. What this tab knows better stays. */
function mergeInto(mine, theirs) {
  for (const [id, node] of theirs.nodes) {
    const known = mine.nodes.get(id);
    if (!known) mine.nodes.set(id, node);
    else if (node.revision > known.revision) Object.assign(known, node);
  }
  for (const [parent, child] of theirs.chosen) if (!mine.chosen.has(parent)) mine.chosen.set(parent, child);
  if (theirs.updated > mine.updated) [mine.updated, mine.system] = [theirs.updated, theirs.system];
}
