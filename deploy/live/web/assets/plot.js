// Small plots as SVG: a line of numbers, a band of states, bars of counts. Each stands beside a table of its values.

import { draw, written } from "./dom.js";

const WIDTH = 320;
const HEIGHT = 72;
const EDGE = 5;

function picture(kind, label) {
  return draw("svg", { class: `plot ${kind}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label });
}

/** Return a function that maps numbers from one range to another. */
function scale(least, most, from, to) {
  return (value) => (most === least ? (from + to) / 2 : from + ((value - least) / (most - least)) * (to - from));
}

/** Return a line through points `{at, number}`, which are in the order of their times. */
export function line(points, label) {
  const numbers = points.map((point) => point.number);
  const x = scale(points[0].at, points.at(-1).at, EDGE, WIDTH - EDGE);
  const y = scale(Math.min(...numbers), Math.max(...numbers), HEIGHT - EDGE, EDGE);
  const places = points.map(({ at, number }) => `${x(at).toFixed(1)} ${y(number).toFixed(1)}`);
  const svg = picture("line", label);
  const [left, right] = [points[0], points.at(-1)].map(({ at }) => x(at).toFixed(1));
  svg.append(
    draw("path", { class: "area", d: `M${left} ${HEIGHT}L${places.join("L")}L${right} ${HEIGHT}Z` }),
    draw("path", { class: "stroke", d: `M${places.join("L")}` }),
  );
  if (points.length <= 40) svg.append(draw("path", { class: "dots", d: places.map((place) => `M${place}h0`).join("") }));
  svg.append(draw("path", { class: "newest", d: `M${places.at(-1)}h0` }));
  return svg;
}

/** Return a band of the states `{at, state}`, which are in the order of their times; the last one holds until `until`. */
export function band(states, until, label) {
  const x = scale(states[0].at, until > states[0].at ? until : states[0].at + 1, 0, WIDTH);
  const svg = picture("band", label);
  svg.setAttribute("shape-rendering", "crispEdges");
  states.forEach(({ at, state }, index) => {
    const end = index + 1 < states.length ? x(states[index + 1].at) : WIDTH;
    svg.append(draw("rect", { class: `state ${kindOf(state)}`, x: x(at).toFixed(1), y: 0, width: Math.max(1, end - x(at)).toFixed(1), height: HEIGHT }));
  });
  return svg;
}

/** Return bars of counts, oldest first. */
export function bars(counts, label) {
  const most = Math.max(1, ...counts);
  const step = WIDTH / counts.length;
  const svg = picture("bars", label);
  counts.forEach((count, index) => {
    const height = count ? Math.max(2, (count / most) * (HEIGHT - EDGE)) : 1;
    svg.append(draw("rect", { class: count ? "bar" : "bar none", x: (index * step + step * 0.15).toFixed(1), y: (HEIGHT - height).toFixed(1), width: (step * 0.7).toFixed(1), height: height.toFixed(1) }));
  });
  return svg;
}

/** Return the colour of a state as a class: at rest, active, or one of three others. */
export function kindOf(state) {
  if (/^(not |no |closed|offline)/.test(state)) return "rest";
  if (/^(present|motion detected|occupied|open|ethernet)$/.test(state)) return "active";
  let sum = 0;
  for (const letter of state) sum = (sum + letter.codePointAt(0)) % 3;
  return `other${sum}`;
}

/** Return a number with its unit. */
export const measured = (number, unit) => `${written(number)}${unit ? ` ${unit}` : ""}`;
