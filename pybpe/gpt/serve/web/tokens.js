// The view of tokens: a span for each token, and a popup with its probability and what else the model considered.

const SIGNS = { "\n": "↵", "\r": "␍", "\t": "→" };
const hexadecimal = (bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");

/** Return a token as one line: signs for line ends, hexadecimal values for bytes that are no whole character. */
function nameOf({ token, bytes }) {
  if (bytes && token.includes("\uFFFD")) return hexadecimal(bytes);
  return [...token].map((letter) => SIGNS[letter] ?? (letter === " " ? "·" : letter)).join("");
}

/** Make the span of token `index` of an answer. */
function tokenSpan(token, index) {
  const classes = ["token", `t${index % 4}`];
  if (token.forced) classes.push("forced");
  if (token.logprob !== null && token.logprob < Math.log(0.5)) classes.push(token.logprob < Math.log(0.1) ? "doubtful" : "unsure");
  const span = el("span", { role: "button", tabindex: index ? "-1" : "0", "data-token": index });
  if (token.special) {
    classes.push("special");
    span.append(token.special.slice(2, -2));
  } else if (!token.text && token.bytes?.length) {
    classes.push("bytes");
    span.append(hexadecimal(token.bytes));
  } else {
    for (const piece of token.text.split(/(\n)/)) span.append(piece === "\n" ? el("i", { "aria-hidden": "true" }, "↵") : "", piece);
  }
  span.className = classes.join(" ");
  return span;
}

const popup = { span: null, pinned: false, timer: 0 };

function hidePopup() {
  clearTimeout(popup.timer);
  popup.span?.classList.remove("shown");
  Object.assign(popup, { span: null, pinned: false });
  $("popup").hidden = true;
}

/** Show the popup of a token. pinned: it stays until it is closed; otherwise it goes with the pointer. */
function showPopup(span, node, pinned) {
  clearTimeout(popup.timer);
  if (popup.span === span && popup.pinned >= pinned) return;
  hidePopup();
  const index = Number(span.dataset.token);
  Object.assign(popup, { span, pinned });
  span.classList.add("shown");
  $("popup").replaceChildren(...popupContent(node, index));
  $("popup").hidden = false;
  placePopup(span);
  const first = $("popup").querySelector(".alternative:enabled") ?? $("popup").querySelector(".close");
  if (pinned) first.focus({ preventScroll: true });
}

function placePopup(span) {
  const box = $("popup");
  const token = span.getClientRects()[0] ?? span.getBoundingClientRect();
  const left = Math.min(token.left, innerWidth - box.offsetWidth - 12);
  const below = token.bottom + 6;
  const fits = below + box.offsetHeight <= innerHeight - 8;
  box.style.left = `${Math.max(12, left)}px`;
  box.style.top = `${fits ? below : Math.max(8, token.top - box.offsetHeight - 6)}px`;
}

function popupContent(node, index) {
  const token = node.tokens[index];
  const name = token.special ?? nameOf({ token: token.text, bytes: token.text ? null : token.bytes });
  const ids = token.ids.length > 3 ? count(token.ids.length, "token") : `id ${token.ids.join(", ")}`;
  const words = token.forced ? "The model did not choose this: it is the output of its code."
    : token.logprob === null ? "The server gave no probability." : `Probability ${percent(token.logprob)}`;
  return [
    el("button", { type: "button", class: "plain close", "aria-label": "Close", onclick: closePopup }, "✕"),
    el("h2", { id: "popup-title" }, name.slice(0, 200) || "(no text)"),
    el("p", {}, token.ids.length ? `${words}${token.forced ? "" : ","} ${ids}` : words),
    ...token.top.map((alternative) => alternativeButton(node, index, alternative)),
    token.top.length > 1 ? el("p", {}, "Choose another token, and the model goes on from there in a new branch.") : null,
  ].filter(Boolean);
}

function alternativeButton(node, index, alternative) {
  const taken = node.tokens[index].ids[0] === alternative.id;
  const usable = !taken && Number.isInteger(alternative.id) && canStand(node.tokens.slice(0, index), alternative.token);
  const bar = el("span", { class: "bar", "aria-hidden": "true" });
  bar.style.width = `${100 * Math.exp(alternative.logprob)}%`;
  const choose = () => {
    hidePopup();
    takeAlternative(current, node, index, alternative);
    $("input").focus();
  };
  return el("button", { type: "button", class: taken ? "alternative taken" : "alternative", disabled: !usable, onclick: choose },
    bar, el("span", { class: "name" }, nameOf(alternative)), el("span", {}, percent(alternative.logprob)));
}

/** Return true if a token may stand after others: of the chat tokens only those that the model may write there. */
function canStand(before, token) {
  if (!CHAT_TOKEN.test(token)) return true;
  if (typeAfter(before) === "python") return token === "<|python_end|>";
  return token === "<|assistant_end|>" || (token === "<|python_start|>" && Boolean(model.about.tools));
}

/** Close the popup and give the focus back to its token. */
function closePopup() {
  const span = popup.span;
  hidePopup();
  span?.focus({ preventScroll: true });
}

/** Listen for the pointer and the keys on the tokens below an element. `nodeOf(span)` returns the message of a token. */
function listenForTokens(element, nodeOf) {
  const tokenAt = (event) => event.target.closest?.(".token");
  const later = () => { popup.timer = setTimeout(() => { if (!popup.pinned) hidePopup(); }, 200); };
  element.addEventListener("pointerover", (event) => {
    const span = tokenAt(event);
    if (span && event.pointerType === "mouse" && !popup.pinned) showPopup(span, nodeOf(span), false);
  });
  element.addEventListener("pointerout", (event) => { if (tokenAt(event) && !popup.pinned) later(); });
  $("popup").addEventListener("pointerenter", () => clearTimeout(popup.timer));
  $("popup").addEventListener("pointerleave", () => { if (!popup.pinned) later(); });
  element.addEventListener("click", (event) => {
    const span = tokenAt(event);
    if (span) showPopup(span, nodeOf(span), true);
  });
  element.addEventListener("scroll", () => { if (popup.pinned && popup.span.isConnected) placePopup(popup.span); else hidePopup(); });
  document.addEventListener("pointerdown", (event) => {
    if (popup.span && !tokenAt(event) && !$("popup").contains(event.target)) hidePopup();
  });
  element.addEventListener("keydown", (event) => {
    const span = tokenAt(event);
    if (!span) return;
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      const all = [...span.closest(".body").querySelectorAll(".token")];
      const next = all[all.indexOf(span) + step];
      if (next) {
        [span.tabIndex, next.tabIndex] = [-1, 0];
        next.focus();
      }
    } else if (event.key === "Enter" || event.key === " ") showPopup(span, nodeOf(span), true);
    else return;
    event.preventDefault();
  });
}
