"use strict";

const byId = (name) => document.getElementById(name);
const frames = JSON.parse(byId("frames").textContent);
const plots = [];
let cloud = null;

// Text and lines of a plot in the colours of the page, which change with the system's light and dark.
function colours() {
  const style = getComputedStyle(document.documentElement);
  const [ink, line] = [style.getPropertyValue("--ink").trim(), style.getPropertyValue("--line").trim()];
  const axis = { color: ink, gridcolor: line, zerolinecolor: line };
  return { font: { color: ink }, axis, clear: "rgba(0,0,0,0)", ink };
}

function themed(layout) {
  const { font, axis, clear, ink } = colours();
  const out = { ...layout, paper_bgcolor: clear, plot_bgcolor: clear, font, modebar: { bgcolor: clear, color: ink } };
  for (const name of ["xaxis", "yaxis"]) {
    if (layout[name]) out[name] = { ...layout[name], ...axis };
  }
  if (layout.shapes) out.shapes = layout.shapes.map((shape) => ({ ...shape, line: { ...shape.line, color: ink, width: 1.5 } }));
  return out;
}

function missing(place, text) {
  place.textContent = text;
  place.className = "missing";
}

async function draw(place) {
  const kind = place.dataset.plot;
  const figure = JSON.parse(place.querySelector("script").textContent);
  // A finger that drags over a plot scrolls the page; a mouse zooms, and finds buttons when it is over the plot.
  const finger = matchMedia("(pointer: coarse)").matches;
  if (finger) figure.layout.dragmode = false;
  const buttons = [["zoom2d", "pan2d", "resetScale2d", "toImage"]];
  const config = { responsive: true, displaylogo: false, displayModeBar: finger ? false : "hover", modeBarButtons: buttons };
  try {
    await Plotly.newPlot(place, figure.data, themed(figure.layout), config);
    plots.push({ place, kind });
    follow(frames[Number(byId("time")?.value ?? 0)], [plots.at(-1)]);
  } catch (error) {
    missing(place, `This plot cannot be drawn: ${error.message}`);
  }
}

// Marks the time and place of a frame in the plots and the cloud.
function follow(frame, drawn) {
  if (!frame) return;
  if (cloud && frame.place) cloud.mark(frame.place);
  for (const { place, kind } of drawn) {
    if (kind === "time") Plotly.relayout(place, { "shapes[0].x0": frame.seconds, "shapes[0].x1": frame.seconds });
    if (kind === "trajectory" && frame.place) {
      const [right, , forward] = frame.place;
      Plotly.restyle(place, { x: [[right]], y: [[forward]] }, [place.data.length - 1]);
    }
  }
}

function viewer() {
  const [stage, under, over, time, mix, play] = ["stage", "under", "over", "time", "mix", "play"].map(byId);
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
  let timer = null;
  let waiting = false;

  function show() {
    const frame = frames[Number(time.value)];
    const map = chosen("map");
    under.src = frame.image;
    over.src = frame[map];
    over.alt = byId("other").textContent = map;
    byId("when").textContent = `${frame.label}, ${frame.seconds.toFixed(2)} s`;
    blend();
    // Plots are slow: they follow once a drawn picture, however fast the slider moves.
    if (!waiting) requestAnimationFrame(() => { waiting = false; follow(frames[Number(time.value)], plots); });
    waiting = true;
  }

  function blend() {
    const wipe = chosen("mode") === "wipe";
    stage.classList.toggle("wipe", wipe);
    stage.style.setProperty("--mix", `${mix.value}%`);
    over.style.clipPath = wipe ? `inset(0 0 0 ${mix.value}%)` : "none";
    over.style.opacity = wipe ? 1 : 1 - mix.value / 100;
  }

  function drag(event) {
    if (!event.buttons) return;
    const box = stage.getBoundingClientRect();
    mix.value = (100 * (event.clientX - box.left)) / box.width;
    blend();
  }

  function toggle() {
    clearInterval(timer);
    const start = timer === null;
    timer = start ? setInterval(() => { time.value = (Number(time.value) + 1) % frames.length; show(); }, 250) : null;
    play.textContent = start ? "Pause" : "Play";
  }

  byId("hints").hidden = !frames.some((frame) => frame.hint);
  const { aspect } = frames[0];
  stage.style.aspectRatio = aspect;
  stage.style.maxWidth = `min(820px, ${75 * aspect}vh)`;
  time.max = frames.length - 1;
  time.addEventListener("input", show);
  mix.addEventListener("input", blend);
  for (const radio of document.querySelectorAll('.controls input[type="radio"]')) radio.addEventListener("change", show);
  stage.addEventListener("pointerdown", drag);
  stage.addEventListener("pointermove", drag);
  under.addEventListener("dragstart", (event) => event.preventDefault());
  over.addEventListener("dragstart", (event) => event.preventDefault());
  play.addEventListener("click", toggle);
  show();
}

if (frames.length) viewer();
if (byId("cloud")) {
  try {
    cloud = cloudViewer(byId("cloud"));
    if (frames[0]?.place) cloud.mark(frames[0].place);
  } catch (error) {
    missing(byId("cloud"), `The point cloud cannot be shown: ${error.message}`);
  }
}
for (const place of document.querySelectorAll("[data-plot]")) draw(place);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const { place } of plots) Plotly.react(place, place.data, themed(place.layout));
  cloud?.redraw();
});
