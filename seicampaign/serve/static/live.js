"use strict";
// Everything with data-live (HTML), data-plot (a plotly figure) or data-frames is fetched again
// every few seconds; the server answers 304 while nothing has changed.
const EVERY = 3000;
const tags = new Map();
const visible = new Set();
const trouble = document.getElementById("trouble");

// A tag is kept only once its answer has been used: what failed is asked for again.
async function fresh(url, use) {
  const known = tags.get(url);
  const response = await fetch(url, { cache: "no-store", headers: known ? { "If-None-Match": known } : {} });
  if (response.status === 304) return;
  if (!response.ok) throw new Error((await response.text()).slice(0, 200));
  await use(response);
  tags.set(url, response.headers.get("ETag"));
}

const part = (element) => fresh(element.dataset.live, async (response) => {
  const open = [...element.querySelectorAll("details")].map((d) => d.open);
  element.innerHTML = await response.text();
  element.querySelectorAll("details").forEach((d, n) => { d.open = Boolean(open[n]); });
});

const plot = (element, url = element.dataset.plot) => fresh(url, async (response) => {
  const { data, layout, config } = await response.json();
  if (url !== element.dataset.plot) return;
  element.classList.toggle("empty", !data.length);
  if (!data.length) {
    element.textContent = "no such curves yet";
    return;
  }
  if (!element.querySelector(".plot-container")) element.textContent = "";
  layout.uirevision = url;
  await Plotly.react(element, data, layout, config);
  element.dataset.points = Math.max(...data.map((trace) => trace.x.length));
});

const frames = (box) => fresh(box.dataset.frames, async (response) => {
  const found = await response.json();
  const [slider, output] = ["input", "output"].map((tag) => box.querySelector(tag));
  if (!found.frames) {
    output.textContent = found.problem ? "No snapshots: there is no readable trajectory." : "no frames yet";
    return;
  }
  const atEnd = slider.disabled || slider.value === slider.max;
  box.times = found.times;
  slider.max = found.frames - 1;
  slider.disabled = box.querySelector("img").hidden = false;
  if (atEnd) slider.value = slider.max;
  show(box);
});

function show(box) {
  const [image, slider, output] = ["img", "input", "output"].map((tag) => box.querySelector(tag));
  const url = `${box.dataset.frames}/${slider.value}`;
  output.textContent = `${box.times[slider.value]} ps, frame ${slider.value} of ${slider.max}`;
  if (image.dataset.shown === url) return;
  clearTimeout(box.waiting);
  box.waiting = setTimeout(() => {
    image.dataset.shown = url;
    image.src = url;
  }, 100);
}

async function follow(element, refresh) {
  for (;;) {
    if (!document.hidden && (element.dataset.live || visible.has(element))) {
      try {
        await refresh(element);
        trouble.hidden = true;
      } catch (error) {
        trouble.textContent = `The server does not answer as it should: ${error.message}`;
        trouble.hidden = false;
      }
    }
    await new Promise((done) => {
      element.wake = done;
      setTimeout(done, EVERY);
    });
  }
}

const watch = new IntersectionObserver((seen) => {
  for (const { isIntersecting, target } of seen) {
    visible[isIntersecting ? "add" : "delete"](target);
    if (isIntersecting && target.wake) target.wake();
  }
}, { rootMargin: "300px" });

document.querySelectorAll("[data-live]").forEach((element) => follow(element, part));
document.querySelectorAll("[data-plot]").forEach((element) => { watch.observe(element); follow(element, plot); });
document.querySelectorAll("[data-frames]").forEach((box) => {
  box.querySelector("input").addEventListener("input", () => show(box));
  watch.observe(box);
  follow(box, frames);
});
document.querySelectorAll("[data-plots]").forEach((choice) => {
  choice.addEventListener("change", () => {
    const target = document.getElementById("aligned");
    const base = choice.dataset.plots;
    target.dataset.plot = `${base}${base.endsWith("?") ? "" : "&"}curve=${choice.value}`;
    tags.delete(target.dataset.plot);
    if (target.wake) target.wake();
  });
});
