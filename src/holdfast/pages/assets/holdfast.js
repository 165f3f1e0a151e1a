// Comforts only: every page works without this file.
"use strict";

// A button beside each snippet that copies its text.
for (const snippet of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "snippet-copy";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(snippet.querySelector("code").textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
  snippet.append(button);
}

// How long ago a moment is. The page itself only has the moment, so that everybody may be given the same page.
const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30.44], ["month", 12], ["year", Infinity]];
function ago(moment) {
  const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
  let count = (moment - Date.now()) / 1000;
  if (Math.abs(count) < 1) return "just now";
  for (const [unit, size] of STEPS) {
    if (Math.round(Math.abs(count)) < size) return words.format(Math.round(count), unit);
    count /= size;
  }
  return "";
}
function tell() {
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.title ||= element.textContent;
    element.textContent = ago(moment);
  }
}
tell();
setInterval(tell, 20000);

// Who is signed in. Asked only with a sign (a cookie that says nothing but "1") that somebody is: the answer is theirs
// alone, {"user": "alice", "admin": false}, and the page stays what it is for everybody.
const me = document.querySelector("[data-me]");
if (me && document.cookie.split("; ").includes("holdfast_me=1")) {
  fetch(me.dataset.me, { credentials: "same-origin", headers: { Accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : null))
    .then((known) => {
      if (!known || !known.user) return;
      const given = me.querySelector("a");
      const account = given.getAttribute("href"), admin = account.replace(/account\/$/, "admin/");
      const here = !given.hasAttribute("aria-current") ? "" : location.pathname.startsWith(admin) ? admin : account;
      const links = [{ text: known.user, href: account }];
      if (known.admin) links.push({ text: "Operate", href: admin });
      const items = links.map(({ text, href }) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        link.textContent = text;
        link.href = href;
        if (href === here) link.setAttribute("aria-current", "page");
        item.append(link);
        return item;
      });
      me.replaceWith(...items);
    })
    .catch(() => {});
}
