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
    if (!table.tBodies[0] || table.tBodies[0].rows.length < 2) continue;
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

  // The front page: search, links of models, commands. Its state is in the address: #?q=...&status=...
  const table = document.getElementById("all");
  if (table) {
    const form = document.querySelector(".search");
    const rows = [...table.tBodies[0].rows];
    const words = rows.map((row) => row.textContent.toLowerCase());
    const head = document.createElement("th");
    head.scope = "col";
    head.textContent = "again";
    table.tHead.rows[0].append(head);
    const atHand = /on (digits|peps_mini|photos)\//;
    for (const row of rows) {
      const [, model, claim, , , , verdict] = row.cells;
      const bare = model.textContent.split(/[ (]/)[0];
      const link = document.createElement("a");
      link.href = `${root}models/${slug(bare)}.html#${row.id}`;
      link.append(...model.childNodes);
      model.append(link);
      const data = / on /.test(claim.textContent) && !atHand.test(claim.textContent) ? " --data DIR" : "";
      const skipped = verdict.textContent.includes("not run") ? " --all" : "";
      row.insertCell().append(take(() => `zoo check ${bare}${data}${skipped}`, `the command for ${bare}`));
    }
    const show = () => {
      const wanted = form.q.value.toLowerCase().split(/\s+/).filter(Boolean);
      const status = form.status.value;
      let found = 0;
      rows.forEach((row, n) => {
        const fits = wanted.every((word) => words[n].includes(word))
          && (!status || row.cells[6].textContent.slice(2).split(",")[0] === status);
        row.hidden = !fits;
        found += fits;
      });
      form.found.value = `${found.toLocaleString("en")} of ${rows.length.toLocaleString("en")}`;
    };
    const read = () => {
      if (location.hash.startsWith("#?")) {
        const given = new URLSearchParams(location.hash.slice(2));
        form.q.value = given.get("q") ?? "";
        form.status.value = given.get("status") ?? "";
        show();
        document.getElementById("claims").scrollIntoView();
      } else if (document.getElementById(location.hash.slice(1))?.hidden) {
        form.reset();
        show();
      }
    };
    const write = () => {
      const given = new URLSearchParams();
      if (form.q.value) given.set("q", form.q.value);
      if (form.status.value) given.set("status", form.status.value);
      history.replaceState(null, "", `#${given.size ? `?${given}` : ""}`);
      show();
    };
    form.hidden = false;
    form.addEventListener("input", write);
    form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("hashchange", read);
    show();
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
