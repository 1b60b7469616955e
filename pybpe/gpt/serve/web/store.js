// The conversations of this browser, in IndexedDB: one record for each conversation, so that tabs do not overwrite each
// other's. A record that two tabs have open is read, merged and written in one transaction. Where the browser keeps
// nothing (some private windows), conversations live in memory, and a message says so.

const DATABASE = "pybpe-chat";
const VERSION = 1; // of the database; a page that finds a newer one leaves it alone

const store = { database: null, memory: new Map(), failed: false, channel: null, changed: () => {} };

const resultOf = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

const endOf = (transaction) => new Promise((resolve, reject) => {
  transaction.oncomplete = () => resolve();
  transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error("the transaction was aborted"));
});

/** Open the database. `changed(id)` is called when another tab has changed or deleted a conversation. */
async function openStore(changed) {
  store.changed = changed;
  try {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("conversations", { keyPath: "id" });
      request.result.createObjectStore("titles", { keyPath: "id" });
    };
    store.database = await resultOf(request);
    store.database.onversionchange = () => {
      store.database.close();
      store.database = null;
      toast("A newer version of this page is open in another tab. Reload this tab to go on.");
    };
  } catch (error) {
    const why = error.name === "VersionError" ? "they were written by a newer version of this page" : error.message;
    toast(`Conversations cannot be kept in this browser (${why}). Export what you want to keep.`);
  }
  if ("BroadcastChannel" in globalThis) {
    store.channel = new BroadcastChannel(DATABASE);
    store.channel.onmessage = (event) => { if (typeof event.data === "string") store.changed(event.data); };
  }
}

function transact(mode) {
  const transaction = store.database.transaction(["conversations", "titles"], mode);
  return [transaction, transaction.objectStore("conversations"), transaction.objectStore("titles")];
}

/** Return [{id, title, updated}], the newest first. */
async function listTitles() {
  const titles = store.database
    ? await resultOf(transact("readonly")[2].getAll())
    : [...store.memory.values()].map((kept) => ({ id: kept.id, title: titleOf(kept), updated: kept.updated }));
  return titles.sort((a, b) => b.updated - a.updated);
}

/** Return a conversation, or undefined if there is none. */
async function load(id) {
  return store.database ? resultOf(transact("readonly")[1].get(id)) : store.memory.get(id);
}

/** Merge a conversation with what is stored, and write it. A browser that is full is a message, not an exception. */
async function save(conversation) {
  if (!store.database) return void store.memory.set(conversation.id, conversation);
  try {
    const [transaction, conversations, titles] = transact("readwrite");
    const ended = endOf(transaction);
    const request = conversations.get(conversation.id);
    request.onsuccess = () => {
      if (request.result) mergeInto(conversation, request.result);
      conversations.put(conversation);
      titles.put({ id: conversation.id, title: titleOf(conversation), updated: conversation.updated });
    };
    await ended;
    store.failed = false;
    store.channel?.postMessage(conversation.id);
  } catch (error) {
    if (store.failed) return; // said once
    store.failed = true;
    const full = error.name === "QuotaExceededError";
    toast(full
      ? "The storage of this browser is full: new messages are not kept. Export conversations and delete some of them."
      : `The conversation could not be kept in this browser (${error.message}). Export what you want to keep.`);
  }
}

async function remove(id) {
  if (!store.database) return void store.memory.delete(id);
  const [transaction, conversations, titles] = transact("readwrite");
  conversations.delete(id);
  titles.delete(id);
  await endOf(transaction);
  store.channel?.postMessage(id);
}
