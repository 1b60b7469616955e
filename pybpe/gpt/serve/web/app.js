// The page: what is open, the settings, the keyboard, and the start.

const SETTINGS = "pybpe.settings.1"; // in localStorage; the number is the version of what it holds
const PARAMETERS = ["temperature", "top_p", "top_k", "min_p", "max_tokens", "seed"];
const THEMES = { auto: "as the system", light: "light", dark: "dark" };

const settings = { theme: "auto", tool: true, values: {} };
let current = newConversation(); // the conversation that is open; kept from its first message on

/** Return the parameters of a request: those whose fields hold a valid number, and "none" where Python is not wanted. */
function parameters() {
  const fields = PARAMETERS.map((name) => $(name)).filter((field) => field.value !== "" && field.checkValidity());
  const tool = model.about.tools && !settings.tool ? { tool_choice: "none" } : {};
  return { ...Object.fromEntries(fields.map((field) => [field.id, field.valueAsNumber])), ...tool };
}

function readSettings() {
  const kept = attempt(() => JSON.parse(localStorage.getItem(SETTINGS))) ?? {};
  if (Object.hasOwn(THEMES, kept.theme)) settings.theme = kept.theme;
  settings.tool = kept.tool !== false;
  for (const name of PARAMETERS) $(name).value = kept.values?.[name] ?? "";
  $("use_tool").checked = settings.tool;
  showTheme();
  showInvalid();
}

function keepSettings() {
  settings.values = Object.fromEntries(PARAMETERS.map((name) => [name, $(name).value]));
  settings.tool = $("use_tool").checked;
  attempt(() => localStorage.setItem(SETTINGS, JSON.stringify(settings)));
  showInvalid();
}

function showInvalid() {
  const wrong = PARAMETERS.filter((name) => !$(name).checkValidity());
  $("parameters-note").textContent = wrong.length
    ? `Not sent, because out of range: ${wrong.join(", ")}.` : "An empty field leaves the choice to the server.";
}

function showTheme() {
  document.documentElement.dataset.theme = settings.theme;
  $("theme").textContent = { auto: "◐", light: "☀", dark: "☾" }[settings.theme];
  $("theme").setAttribute("aria-label", `Colours: ${THEMES[settings.theme]}`);
  $("theme").title = `Colours: ${THEMES[settings.theme]}`;
}

function nextTheme() {
  const names = Object.keys(THEMES);
  settings.theme = names[(names.indexOf(settings.theme) + 1) % names.length];
  showTheme();
  keepSettings();
}

// ---- Conversations

/** Open a conversation by its id; without one, or if there is none of this id, begin a new one. */
async function openConversation(id = null) {
  const found = running.get(id)?.conversation ?? (id ? await load(id).catch(() => undefined) : undefined);
  current = found ?? newConversation();
  history.replaceState(null, "", found ? `#${current.id}` : location.pathname);
  view.editing = null;
  view.atEnd = true;
  hidePopup();
  $("log").setAttribute("aria-live", "off"); // what was said before is not news
  $("log").replaceChildren();
  shown.clear();
  render();
  $("log").scrollTop = $("log").scrollHeight;
  $("system").value = current.system;
  showDrawer("sidebar", false);
  await refreshTitles();
  $("log").setAttribute("aria-live", "polite");
}

async function refreshTitles() {
  const titles = await listTitles().catch(() => []);
  const key = JSON.stringify([current.id, titles.map(({ id, title }) => [id, title])]);
  if (key === refreshTitles.key) return; // keeps the focus
  refreshTitles.key = key;
  $("conversations").replaceChildren(...titles.map(({ id, title }) => el("li", { class: id === current.id ? "open" : "" },
    el("button", { type: "button", class: "title", "aria-current": id === current.id ? "true" : null, onclick: () => openConversation(id) }, title),
    el("button", { type: "button", class: "delete", "aria-label": `Delete “${title}”`, onclick: () => discard(id, title) }, "✕"))));
}

async function discard(id, title) {
  await stopAnswer(id);
  const kept = await load(id);
  await remove(id);
  if (id === current.id) await openConversation();
  else await refreshTitles();
  toast(`Deleted “${title}”.`, { name: "Undo", run: () => save(kept).then(() => openConversation(id)) });
}

/** Take what another tab has done to a conversation. */
async function changedElsewhere(id) {
  await refreshTitles();
  if (id !== current.id && !running.has(id)) return;
  const mine = running.get(id)?.conversation ?? current;
  const theirs = await load(id);
  if (theirs) {
    mergeInto(mine, theirs);
    showConversation(mine);
  } else {
    const job = running.get(id);
    if (job) job.deleted = true;
    job?.controller.abort();
    if (id === current.id) await openConversation();
    toast("The conversation was deleted in another tab.");
  }
}

/** Send a message of the user after the message `parent`, and ask for the answer. */
async function ask(text, parent) {
  const conversation = current;
  await stopAnswer(conversation.id);
  const question = addNode(conversation, parent, "user", [{ type: "text", text: wellFormed(text) }]);
  const answer = addNode(conversation, question.id, "assistant", []);
  conversation.updated = Date.now();
  history.replaceState(null, "", `#${conversation.id}`);
  view.atEnd = true;
  const ended = run(conversation, answer);
  await save(conversation);
  await refreshTitles();
  await ended;
}

function submit(event) {
  event.preventDefault();
  const text = $("input").value;
  if (!text.trim() || $("send").disabled || running.has(current.id)) return;
  if (!model.id) return void watchServer();
  fillIn("");
  ask(text, shownPath(current).at(-1)?.node.id ?? ROOT);
}

async function exportAs(write, suffix, type) {
  const all = $("export-what").value === "all";
  const kept = all ? await Promise.all((await listTitles()).map(({ id }) => load(id))) : [current];
  const conversations = kept.filter((conversation) => conversation?.nodes.size);
  const text = conversations.length ? write(conversations) : "";
  if (!text) return toast("There is nothing to export.");
  download(`${all ? "conversations" : "conversation"}${suffix}`, text, type);
}

async function importFile() {
  const file = $("import-file").files[0];
  $("import-file").value = ""; // the same file may be chosen again
  if (!file) return;
  try {
    if (file.size > MOST_BYTES) throw new Error(`the file is larger than ${MOST_BYTES >> 20} MiB`);
    const found = parseFile(await file.text());
    if (found.length > MOST_CONVERSATIONS) throw new Error(`it has more than ${count(MOST_CONVERSATIONS, "conversation")}`);
    for (const conversation of found) await save(conversation);
    await openConversation(found.at(-1)?.id);
    toast(`Imported ${count(found.length, "conversation")}.`);
  } catch (error) {
    toast(`“${file.name}” was not imported: ${error.message}.`);
  }
}

// ---- The server

/** Show what is known of the server. state: "ready", "loading", "gone", or "locked", where sending asks for the key. */
function showState(state, words) {
  $("send").disabled = state === "loading" || state === "gone";
  if ($("state").textContent !== words) $("state").textContent = words;
  $("state").dataset.state = state;
  if (state !== "ready") return;
  $("model").textContent = model.id;
  document.title = `${model.id} – pybpe chat`;
  const { context, vocabulary, tools } = model.about;
  const rows = [["Context", context && count(context, "token")], ["Vocabulary", vocabulary && count(vocabulary, "token")],
    ["Python", tools ? `in the sandbox “${tools}”` : "off: the server runs no code"]];
  $("use_tool").disabled = !tools;
  $("about").replaceChildren(...rows.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  for (const { node } of shownPath(current)) showFacts(node);
}

/** Ask for the model until the server answers. One watch at a time. */
async function watchServer() {
  if (watchServer.active) return;
  watchServer.active = true;
  await findModel(showState, askForKey);
  watchServer.active = false;
}

/** Ask the user for an API key; return true if one was given. */
function askForKey() {
  const dialog = $("key-dialog");
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue === "given";
      if (given && $("key").value) model.key = $("key").value;
      attempt(() => sessionStorage.setItem(KEY, model.key ?? ""));
      $("key").value = "";
      resolve(given);
    }, { once: true });
  });
}

// ---- Drawers, keyboard, heights

const narrowest = { sidebar: matchMedia("(max-width: 799px)"), settings: matchMedia("(max-width: 1099px)") };
const phone = matchMedia("(max-width: 640px), (pointer: coarse)");

/** Open or close a drawer. The list of conversations is always there where it has room. */
function showDrawer(name, isOpen) {
  const covers = narrowest[name].matches;
  $(name).hidden = !isOpen && (name === "settings" || covers);
  $(`open-${name}`).setAttribute("aria-expanded", String(isOpen));
  const open = Object.keys(narrowest).some((other) => narrowest[other].matches && !$(other).hidden);
  $("shade").hidden = !open;
  document.querySelector("main").inert = open; // what a drawer covers cannot be reached by keys either
  if (isOpen) $(`close-${name}`).focus();
}

/** Return true if a key sends the message: Enter, but not on a phone, where it is a line end. */
function sends(event) {
  if (event.key !== "Enter" || event.isComposing) return false;
  return event.ctrlKey || event.metaKey || (!event.shiftKey && !phone.matches);
}

/** Close what is open on top, or stop the answer. */
function closeTop(event) {
  if (event.key !== "Escape" || $("key-dialog").open) return;
  event.preventDefault();
  const drawer = Object.keys(narrowest).find((name) => narrowest[name].matches && !$(name).hidden);
  if (popup.span) closePopup();
  else if (drawer) {
    showDrawer(drawer, false);
    $(`open-${drawer}`).focus();
  } else if (view.editing) endEditing();
  else stopAnswer(current.id);
}

/** Make a text area as high as its text; the style sheet limits it. */
function fitHeight(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

function listen() {
  $("form").addEventListener("submit", submit);
  $("input").addEventListener("input", () => fitHeight($("input")));
  $("input").addEventListener("keydown", (event) => { if (sends(event)) submit(event); });
  $("stop").addEventListener("click", () => stopAnswer(current.id));
  $("new").addEventListener("click", () => openConversation().then(() => $("input").focus()));
  $("theme").addEventListener("click", nextTheme);
  $("tokens").addEventListener("click", () => {
    view.tokens = !view.tokens;
    $("tokens").setAttribute("aria-pressed", String(view.tokens));
    hidePopup();
    render();
  });
  $("parameters").addEventListener("input", keepSettings);
  $("parameters").addEventListener("submit", (event) => event.preventDefault());
  $("system").addEventListener("input", () => { current.system = wellFormed($("system").value); });
  $("system").addEventListener("change", () => {
    current.updated = Date.now();
    if (current.nodes.size) save(current);
  });
  $("export-jsonl").addEventListener("click", () => exportAs(toJsonl, ".jsonl", "application/jsonl"));
  $("export-json").addEventListener("click", () => exportAs(toJson, ".json", "application/json"));
  $("import").addEventListener("click", () => $("import-file").click());
  $("import-file").addEventListener("change", importFile);
  $("key-cancel").addEventListener("click", () => $("key-dialog").close());
  for (const name of Object.keys(narrowest)) {
    $(`open-${name}`).addEventListener("click", () => showDrawer(name, $(name).hidden));
    $(`close-${name}`).addEventListener("click", () => {
      showDrawer(name, false);
      $(`open-${name}`).focus();
    });
    narrowest[name].addEventListener("change", () => showDrawer(name, name === "sidebar" && !narrowest[name].matches));
  }
  $("shade").addEventListener("click", () => Object.keys(narrowest).forEach((name) => showDrawer(name, false)));
  document.addEventListener("keydown", closeTop);
  addEventListener("hashchange", () => { if (location.hash.slice(1) !== current.id) openConversation(location.hash.slice(1)); });
  addEventListener("resize", hidePopup);
  $("log").addEventListener("scroll", () => {
    const log = $("log");
    view.atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    $("to-end").hidden = view.atEnd;
  });
  $("to-end").addEventListener("click", () => {
    view.atEnd = true;
    scrollToEnd();
  });
  listenForTokens($("log"), (span) => current.nodes.get(span.closest("article").dataset.id));
}

readSettings();
listen();
for (const name of Object.keys(narrowest)) showDrawer(name, false);
await openStore(changedElsewhere);
await openConversation(location.hash.slice(1) || null);
watchServer();
if (!phone.matches) $("input").focus();
