// The messages on the page. Each is an article that is made anew when something about it has changed; while an answer is
// written, its text is appended in place.

const shown = new Map(); // id of a message -> {article, body, facts, signature}
const view = { tokens: false, editing: null, atEnd: true };

/** Show the conversation again if it is the one that is open. */
function showConversation(conversation) {
  if (conversation === current) render();
}

/** Bring the page in line with the open conversation. Articles that have not changed stay as they are. */
function render() {
  const path = shownPath(current);
  const articles = path.map((step, place) => articleFor(step, place === path.length - 1));
  if (!path.length) articles.push(emptyPage);
  else if (view.tokens) articles.unshift(legend);
  const log = $("log");
  const focused = document.activeElement?.dataset?.action;
  const focusedIn = document.activeElement?.closest?.("article")?.dataset.place;
  for (const old of [...log.children]) if (!articles.includes(old)) old.remove();
  articles.forEach((article, place) => {
    if (log.children[place] !== article) log.insertBefore(article, log.children[place] ?? null);
  });
  path.forEach(({ node }, place) => { shown.get(node.id).article.dataset.place = place; });
  if (focused && !log.contains(document.activeElement)) {
    log.querySelector(`article[data-place="${focusedIn}"] [data-action="${focused}"]`)?.focus({ preventScroll: true });
  }
  for (const id of shown.keys()) if (!current.nodes.has(id)) shown.delete(id);
  const busy = running.has(current.id);
  $("stop").hidden = !busy;
  $("send").hidden = busy;
  scrollToEnd();
}

function articleFor({ node, siblings }, isLast) {
  const place = siblings.indexOf(node);
  const isEdited = view.editing === node.id;
  const live = running.get(current.id)?.node === node;
  const signature = [node.revision, node.state, live, view.tokens, place, siblings.length, isEdited, isLast].join();
  if (shown.get(node.id)?.signature === signature) return shown.get(node.id).article;
  const label = node.role === "user" ? "You" : "Model";
  const article = el("article", { class: `message ${node.role}`, "aria-label": label, "data-id": node.id });
  const body = el("div", { class: "body", dir: "auto" });
  const facts = el("span", { class: "facts" });
  shown.set(node.id, { article, body, facts, signature });
  if (isEdited) article.append(editForm(node));
  else if (node.role === "user") {
    body.append(plainText(node));
    if (plainText(node).length > 4000) {
      body.classList.add("long");
      body.tabIndex = 0;
    }
    article.append(body);
  } else {
    const pieces = view.tokens && node.tokens?.length ? node.tokens : node.parts;
    pieces.forEach((piece, index) => appendPiece(body, node, piece, index));
    article.append(body, ...notesOf(node, live));
  }
  if (live) {
    article.classList.add("streaming");
    article.setAttribute("aria-busy", "true");
  }
  if (!isEdited) article.append(actionsOf(node, siblings, place, isLast, live, facts));
  showFacts(node);
  return article;
}

/** Append a part or a token of an answer to its body. A piece of another type begins a new block. */
function appendPiece(body, node, piece, index) {
  let block = body.lastElementChild;
  if (block?.dataset.type !== piece.type) {
    block = makeBlock(piece.type);
    body.append(block);
  }
  const content = block.querySelector(".content");
  const last = content.lastChild;
  if (piece.ids && view.tokens && node.tokens) content.append(tokenSpan(piece, index));
  else if (last instanceof Text) last.appendData(piece.text);
  else if (piece.text) content.append(piece.text);
}

function makeBlock(type) {
  if (type === "text") return el("div", { class: "block text", "data-type": type }, el("div", { class: "content", dir: "auto" }));
  const title = type === "python" ? "Python" : "Output";
  return el("figure", { class: `block ${type}`, "data-type": type },
    el("figcaption", {}, title), el("pre", { class: "content", dir: "ltr", tabindex: "0", "aria-label": title }));
}

/** Append a token to an answer that is being written. */
function appendToMessage(node, token) {
  const place = shown.get(node.id);
  if (!place?.article.isConnected) return;
  appendPiece(place.body, node, token, (node.tokens?.length ?? 0) - 1);
  showFacts(node);
  scrollToEnd();
}

function showFacts(node) {
  const facts = [];
  if (node.timing) {
    const { tokens, speed, first } = node.timing;
    facts.push(count(tokens, "token"));
    if (speed !== null && tokens > 1) facts.push(`${speed.toFixed(speed < 10 ? 1 : 0)} tokens/s`);
    facts.push(`first after ${first.toFixed(2)} s`);
  }
  if (node.used && model.about.context) facts.push(`context ${node.used.toLocaleString("en")} of ${model.about.context.toLocaleString("en")}`);
  const place = shown.get(node.id);
  const words = facts.join(" · ");
  if (place && place.facts.textContent !== words) place.facts.textContent = words;
}

function notesOf(node, live) {
  const notes = [];
  const note = (words) => notes.push(el("p", { class: "note" }, words));
  if (node.dropped) note(`The oldest ${count(node.dropped, "message")} did not fit into the model's context and ${node.dropped === 1 ? "was" : "were"} left out.`);
  if (node.state === "length") note("The answer has reached the limit of tokens.");
  if (node.state === "stopped") note("Stopped.");
  if (node.state === "streaming" && !live) note("The answer was not finished in this tab.");
  if (node.state === "failed") {
    const again = el("button", { type: "button", "data-action": "retry", onclick: () => retry(current, node) }, "Try again");
    notes.push(el("div", { class: "problem", role: "alert" }, el("span", {}, node.problem ?? "The answer failed."), again));
  }
  return notes;
}

function actionsOf(node, siblings, place, isLast, live, facts) {
  const action = (name, words, onclick, label = null) =>
    el("button", { type: "button", class: "plain", "data-action": name, "aria-label": label, onclick }, words);
  const buttons = [];
  if (siblings.length > 1) {
    const go = (step) => () => choose(siblings[place + step]);
    const [before, after] = [action("previous", "‹", go(-1), "Previous version"), action("next", "›", go(1), "Next version")];
    [before.disabled, after.disabled] = [place === 0, place === siblings.length - 1];
    const words = `${place + 1}/${siblings.length}`;
    buttons.push(el("span", { class: "branches" }, before, el("span", { "aria-label": `version ${words}` }, words), after));
  }
  if (live) return el("div", { class: "actions" }, ...buttons, facts);
  if (node.role === "user") buttons.push(action("edit", "Edit", () => edit(node)));
  else {
    const unfinished = node.state !== "done" && plainText(node);
    if (isLast && unfinished) buttons.push(action("continue", "Continue", () => run(current, node)));
    if (node.state !== "failed" || unfinished) buttons.push(action("regenerate", "Regenerate", () => regenerate(node)));
  }
  return el("div", { class: "actions" }, ...buttons, facts);
}

/** Show another version of a message. */
function choose(node) {
  current.chosen.set(node.parent, node.id);
  render();
  save(current);
}

async function regenerate(node) {
  const conversation = current;
  await stopAnswer(conversation.id);
  await run(conversation, addNode(conversation, node.parent, "assistant", []));
}

function edit(node) {
  view.editing = node.id;
  render();
  const area = $("log").querySelector(".edit textarea");
  fitHeight(area);
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
}

function endEditing() {
  const id = view.editing;
  view.editing = null;
  render();
  $("log").querySelector(`article[data-id="${id}"] [data-action="edit"]`)?.focus({ preventScroll: true });
}

/** Make the form in which a message of the user is edited. What is sent becomes a new version beside the old one. */
function editForm(node) {
  const area = el("textarea", { "aria-label": "Edited message", oninput: () => fitHeight(area) });
  area.value = plainText(node);
  const submit = (event) => {
    event.preventDefault();
    if (!area.value.trim() || !model.id) return;
    view.editing = null;
    ask(area.value, node.parent);
  };
  area.addEventListener("keydown", (event) => { if (sends(event)) submit(event); });
  return el("form", { class: "edit", onsubmit: submit }, area,
    el("div", { class: "actions" }, el("button", { type: "submit", class: "strong" }, "Send as a new version"),
      el("button", { type: "button", class: "plain", onclick: endEditing }, "Cancel")));
}

const questions = ["How many r are in 'strawberry'?", "What is 417 + 86?", "Who are you?"];
const emptyPage = el("div", { class: "empty" }, el("h2", {}, "What would you like to say?"),
  el("p", {}, "The model runs on the computer that serves this page. Conversations stay in this browser."),
  el("div", { class: "row" }, ...questions.map((text) => el("button", { type: "button", onclick: () => fillIn(text) }, text))));

function fillIn(text) {
  $("input").value = text;
  fitHeight($("input"));
  $("input").focus();
}

const legend = el("p", { class: "legend" },
  "Each colour is a token. Underlined: its probability was below 50 %, with a thick line below 10 %. Hatched: not chosen by the model. "
  + "Point at a token, or tap it, for its alternatives.");

/** Keep the newest text in sight, unless the reader has scrolled up. */
function scrollToEnd() {
  if (!view.atEnd || scrollToEnd.waiting) return;
  scrollToEnd.waiting = true;
  requestAnimationFrame(() => {
    scrollToEnd.waiting = false;
    if (view.atEnd) $("log").scrollTop = $("log").scrollHeight;
  });
}
