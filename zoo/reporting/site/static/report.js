"use strict";
// What pages can do without: themes, search, order, copying, the slider. No library, no request.
(() => {
  const root = document.body.dataset.root;
  const html = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const slug = (name) => name.replace(/[^A-Za-z0-9_.+-]/g, "_");

  // The theme: the system's, until one is chosen. Some browsers keep nothing for file: pages.
  const kept = (() => {
    try { return window.localStorage; } catch { return null; }
  })();
  const button = document.querySelector("button.theme");
  const dark = () =>
    html.dataset.theme ? html.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => {
    button.textContent = dark() ? "Light theme" : "Dark theme";
  };
  const chosen = kept?.getItem("theme");
  if (chosen === "dark" || chosen === "light") html.dataset.theme = chosen;
  button.hidden = false;
  name();
  button.addEventListener("click", () => {
    html.dataset.theme = dark() ? "light" : "dark";
    kept?.setItem("theme", html.dataset.theme);
    name();
  });

  // A button that copies a text, and says so.
  const take = (text, what) => {
    const found = document.createElement("button");
    found.type = "button";
    found.className = "take";
    found.textContent = "Copy";
    found.setAttribute("aria-label", `Copy ${what}`);
    found.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text());
      } catch { // no permission, or no secure page
        const area = document.createElement("textarea");
        area.value = text();
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      found.textContent = "Copied";
      setTimeout(() => { found.textContent = "Copy"; }, 1500);
    });
    return found;
  };
  for (const code of all("code.copy, pre.copy")) {
    code.after(take(() => code.textContent, code.tagName === "PRE" ? "the entry" : code.textContent));
  }

  // Marks of charts lead to their rows.
  for (const mark of all("svg [data-to]")) {
    mark.addEventListener("click", () => { location.href = mark.dataset.to; });
  }

  // Order by a column: numbers as numbers, what is empty last.
  const value = (row, column) => row.cells[column].textContent.trim();
  const number = (text) => {
    const found = /^[<>]? ?(-?[\d,]*\.?\d+) ?([KMG](?![a-z]))?/.exec(text);
    return found ? parseFloat(found[1].replaceAll(",", "")) * ({ K: 1e3, M: 1e6, G: 1e9 }[found[2]] ?? 1) : NaN;
  };
  const order = (table, column, down) => {
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => {
      const text = value(row, column);
      return { row, text, number: number(text) };
    });
    const filled = rows.filter(({ text }) => text);
    const numeric = filled.length > 0 && filled.filter((r) => !Number.isNaN(r.number)).length > filled.length / 2;
    rows.sort((a, b) => {
      const blank = (r) => (numeric ? Number.isNaN(r.number) : !r.text);
      if (blank(a) || blank(b)) return blank(a) - blank(b);
      const less = numeric ? a.number - b.number : a.text.localeCompare(b.text, "en", { numeric: true });
      return down ? -less : less;
    });
    body.append(...rows.map(({ row }) => row));
  };
  for (const table of all("table")) {
    if (!table.tBodies[0] || (table.tBodies[0].rows.length < 2 && table.id !== "all")) continue;
    all("thead th", table).forEach((head, column) => {
      const press = document.createElement("button");
      press.type = "button";
      press.textContent = head.textContent;
      head.replaceChildren(press);
      press.addEventListener("click", () => {
        const down = head.ariaSort === "ascending";
        all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        order(table, column, down);
      });
    });
  }

  // The front page: search through the claims of every paper, which are loaded when first asked
  // for. Its state is in the address: #?q=...&status=..., or #<id of a claim>.
  const table = document.getElementById("all");
  if (table) {
    const most = 200; // rows at once
    const form = document.querySelector(".search");
    const claims = [];
    globalThis.zooClaims = (rows) => claims.push(...rows);
    let loading = null;
    const script = (address) => new Promise((resolve, reject) => {
      const element = document.createElement("script");
      Object.assign(element, { src: root + address, async: false, onload: resolve, onerror: reject });
      document.head.append(element);
    });
    const load = () => {
      loading ??= Promise.all(table.dataset.scripts.trim().split(" ").map(script));
      return loading;
    };
    const row = ([id, model, command, ...cells]) => {
      const element = document.createElement("tr");
      element.id = id;
      for (const text of cells) element.insertCell().textContent = text;
      const link = document.createElement("a");
      link.href = `${root}models/${slug(model)}.html#${id}`;
      link.append(...element.cells[1].childNodes);
      element.cells[1].append(link);
      element.insertCell().append(take(() => command, `the command for ${model}`));
      return element;
    };
    const show = async (id) => {
      await load();
      const words = form.q.value.toLowerCase().split(/\s+/).filter(Boolean);
      const status = form.status.value;
      const hits = claims.filter((claim) => {
        if (id) return claim[0] === id;
        const text = claim.slice(3).join(" ").toLowerCase();
        const verdict = claim[9].slice(2).split(",")[0];
        return words.every((word) => text.includes(word)) && (!status || verdict === status);
      });
      const asked = id || words.length > 0 || status;
      table.tBodies[0].replaceChildren(...(asked ? hits.slice(0, most).map(row) : []));
      table.parentElement.hidden = !asked;
      const of = (n) => n.toLocaleString("en");
      const rest = asked && hits.length > most ? `, of which ${most} are shown` : "";
      form.hits.value = `${of(hits.length)} of ${of(claims.length)}${rest}`;
      if (id) document.getElementById(id)?.scrollIntoView({ block: "center" });
    };
    const read = () => {
      const claim = /^#(c[0-9a-f]{8})$/.exec(location.hash);
      if (claim) {
        form.reset();
        show(claim[1]);
      } else if (location.hash.startsWith("#?")) {
        const state = new URLSearchParams(location.hash.slice(2));
        form.q.value = state.get("q") ?? "";
        form.status.value = state.get("status") ?? "";
        show();
        document.getElementById("claims").scrollIntoView();
      }
    };
    const write = () => {
      const state = new URLSearchParams();
      if (form.q.value) state.set("q", form.q.value);
      if (form.status.value) state.set("status", form.status.value);
      history.replaceState(null, "", `#${state.size ? `?${state}` : ""}`);
      show();
    };
    form.hidden = false;
    all(".still").forEach((element) => { element.hidden = true; });
    form.addEventListener("focusin", load, { once: true });
    form.addEventListener("input", write);
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", read);
    read();
  }

  // Photographs on top of each other, cut where the slider is.
  for (const slider of all(".slider")) {
    const range = slider.querySelector("input");
    slider.classList.add("live");
    range.parentElement.hidden = false;
    const cut = () => slider.style.setProperty("--cut", `${range.value}%`);
    range.addEventListener("input", cut);
    cut();
  }
})();
