// The point cloud in WebGL. World and camera axes alike: x right, y down, z forward.

const FIELD = Math.tan((45 / 2) * (Math.PI / 180)); // half the height of the view, one unit away

const POINTS = [`#version 300 es
  in vec3 position, colour; uniform mat4 clip; uniform float size, least; out vec3 tint;
  void main() { gl_Position = clip * vec4(position, 1.0); gl_PointSize = max(least, size / gl_Position.w); tint = colour; }`,
`#version 300 es
  precision mediump float; in vec3 tint; out vec4 shade;
  void main() { shade = vec4(tint, 1.0); }`];

// Lines of more than a pixel: every instance is a piece from a to b, cut off behind the eye, widened on the screen.
const LINES = [`#version 300 es
  in vec3 a, b; uniform mat4 clip; uniform vec2 pixel; uniform float width, nearest;
  void main() {
    vec4 p = clip * vec4(a, 1.0), q = clip * vec4(b, 1.0);
    if (max(p.w, q.w) < nearest) { gl_Position = vec4(0.0, 0.0, 2.0, 1.0); return; }
    if (p.w < nearest) p = mix(p, q, (nearest - p.w) / (q.w - p.w));
    if (q.w < nearest) q = mix(q, p, (nearest - q.w) / (p.w - q.w));
    vec2 along = (q.xy / q.w - p.xy / p.w) / pixel;
    along = length(along) > 0.0 ? normalize(along) : vec2(1.0, 0.0);
    bool end = gl_VertexID > 1;
    vec4 at = end ? q : p;
    vec2 side = vec2(-along.y, along.x) * (gl_VertexID % 2 == 0 ? 1.0 : -1.0) + (end ? along : -along);
    gl_Position = at + vec4(side * width * 0.5 * pixel * at.w, 0.0, 0.0);
  }`,
`#version 300 es
  precision mediump float; uniform vec3 tint; out vec4 shade;
  void main() { shade = vec4(tint, 1.0); }`];

const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);

function program(gl, sources) {
  const made = gl.createProgram();
  sources.forEach((source, fragment) => {
    const shader = gl.createShader(fragment ? gl.FRAGMENT_SHADER : gl.VERTEX_SHADER);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  });
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) ?? "WebGL was lost.");
  return made;
}

// Triples for the inputs of a program: [name, bytes, type, bytes from one to the next, first byte, instances a step].
function vertices(gl, made, inputs) {
  const array = gl.createVertexArray();
  gl.bindVertexArray(array);
  for (const [name, data, type, stride, offset, divisor] of inputs) {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.STATIC_DRAW);
    const slot = gl.getAttribLocation(made, name);
    gl.enableVertexAttribArray(slot);
    gl.vertexAttribPointer(slot, 3, type, type === gl.UNSIGNED_BYTE, stride, offset);
    gl.vertexAttribDivisor(slot, divisor);
  }
  return array;
}

// Axes of the eye in the world: right, down and forward.
function eyeAxes({ yaw, pitch }) {
  const [sy, cy, sp, cp] = [Math.sin(yaw), Math.cos(yaw), Math.sin(pitch), Math.cos(pitch)];
  return [[cy, 0, -sy], [-sp * sy, cp, -sp * cy], [cp * sy, sp, cp * cy]];
}

function clipMatrix(view, aspect, nearest, farthest) {
  const [right, down, forward] = eyeAxes(view);
  const eye = view.target.map((value, axis) => value - view.distance * forward[axis]);
  const [slope, shift] = [(farthest + nearest) / (farthest - nearest), (-2 * farthest * nearest) / (farthest - nearest)];
  const row = (axis, scale, extra) => [...axis.map((value) => scale * value), extra - scale * dot(axis, eye)];
  const rows = [row(right, 1 / (aspect * FIELD), 0), row(down, -1 / FIELD, 0), row(forward, slope, shift), row(forward, 1, 0)];
  return [0, 1, 2, 3].flatMap((column) => rows.map((values) => values[column]));
}

// Puts the scene on the graphics card; what it returns draws it as seen from a view, with a mark at a position.
function painter(gl, scene) {
  const [dots, strokes] = [program(gl, POINTS), program(gl, LINES)];
  const linesOf = (data, stride, count) => ({
    array: vertices(gl, strokes, [["a", data, gl.FLOAT, stride, 0, 1], ["b", data, gl.FLOAT, stride, 12, 1]]), count,
  });
  const points = vertices(gl, dots, [
    ["position", bytes(scene.xyz), gl.FLOAT, 12, 0, 0], ["colour", bytes(scene.rgb), gl.UNSIGNED_BYTE, 3, 0, 0],
  ]);
  const paths = scene.paths.map(({ colour, xyz }) => ({ tint: rgb(colour), data: bytes(xyz) }))
    .filter(({ data }) => data.length > 12)
    .map(({ tint, data }) => ({ tint, lines: linesOf(data, 12, data.length / 12 - 1) }));
  const gridData = bytes(scene.grid);
  const grid = linesOf(gridData, 24, gridData.length / 24);

  return (view, position, gridTint) => {
    const { width, height } = gl.canvas;
    const [nearest, farthest] = [view.distance / 100, view.distance + 4 * scene.radius];
    const clip = clipMatrix(view, width / height, nearest, farthest);
    const use = (made, numbers) => {
      gl.useProgram(made);
      gl.uniformMatrix4fv(gl.getUniformLocation(made, "clip"), false, clip);
      for (const [name, value] of Object.entries(numbers)) gl.uniform1f(gl.getUniformLocation(made, name), value);
    };
    const line = ({ array, count }, tint, pixels) => {
      use(strokes, { nearest, width: pixels * devicePixelRatio });
      gl.uniform2f(gl.getUniformLocation(strokes, "pixel"), 2 / width, 2 / height);
      gl.uniform3fv(gl.getUniformLocation(strokes, "tint"), tint);
      gl.bindVertexArray(array);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
    };
    const point = (array, count, least, size) => {
      use(dots, { least: least * devicePixelRatio, size });
      gl.bindVertexArray(array);
      gl.drawArrays(gl.POINTS, 0, count);
    };
    gl.viewport(0, 0, width, height);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    line(grid, gridTint, 1);
    for (const { tint, lines } of paths) line(lines, tint, 4);
    point(points, scene.points, 1.5, (scene.radius * height) / 350);
    if (position) {
      // Through whatever is before it. Inputs without an array are the same for all points: there is one.
      gl.disable(gl.DEPTH_TEST);
      gl.vertexAttrib3fv(gl.getAttribLocation(dots, "position"), position);
      gl.vertexAttrib3f(gl.getAttribLocation(dots, "colour"), 0.86, 0.16, 0.24);
      point(null, 1, 10, 0);
    }
  };
}

// Shows the scene that the place holds, and lets it be turned; throws where that is not possible.
function cloudViewer(place) {
  const scene = JSON.parse(place.querySelector("script").textContent);
  const canvas = place.querySelector("canvas");
  const gl = canvas.getContext("webgl2", { antialias: true });
  if (!gl) throw new Error("it needs WebGL 2, which this browser does not offer or has switched off.");
  const paint = painter(gl, scene);
  const start = () => ({ yaw: 0.5, pitch: 0.45, distance: 2.1 * scene.radius, target: [...scene.centre] });
  const view = start();
  let marked = null;
  let waiting = false;

  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
      canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
      paint(view, marked, rgb(getComputedStyle(place).getPropertyValue("--line").trim()));
    });
  }

  steer(canvas, {
    turn(dx, dy) {
      view.yaw += dx / 150;
      view.pitch = Math.min(1.55, Math.max(-1.55, view.pitch + dy / 150));
      redraw();
    },
    move(dx, dy) {
      const [right, down] = eyeAxes(view);
      const step = (2 * FIELD * view.distance) / canvas.clientHeight;
      view.target = view.target.map((value, axis) => value - step * (dx * right[axis] + dy * down[axis]));
      redraw();
    },
    zoom(factor) {
      view.distance = Math.min(10 * scene.radius, Math.max(scene.radius / 200, view.distance * factor));
      redraw();
    },
    reset() {
      Object.assign(view, start());
      redraw();
    },
  });
  new ResizeObserver(redraw).observe(canvas);
  return { view, redraw, mark(position) { marked = position; redraw(); } };
}
