// PURE
/** One line of a plot. */
export interface Line {
  name: string;
  points: { x: number; y: number }[];
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [640, 400, 70, 50, 40, 130];
const COLORS = ["#888888", "#d98200", "#7a5cc0", "#0a7d54", "#c0392b"];

/** An SVG with logarithmic axes, because levels and latencies span powers of ten. Points that are not above 0 are left out. */
export function makePlot(title: string, axes: { x: string; y: string }, lines: Line[]): string {
  const shown = lines.map(({ name, points }) => ({ name, points: points.filter(({ x, y }) => x > 0 && y > 0) }));
  const all = shown.flatMap(({ points }) => points);
  const scale = (values: number[], from: number, to: number) => {
    const [low, high] = [Math.log10(Math.min(...values, 1e9)), Math.log10(Math.max(...values, 1e-9))];
    return (value: number) => from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from);
  };
  const x = scale(
    all.map((point) => point.x),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = scale(
    all.map((point) => point.y),
    HEIGHT - BOTTOM,
    TOP,
  );
  const text = (at: { x: number; y: number }, content: string, anchor = "middle", color = "#222222") =>
    `<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}" text-anchor="${anchor}" fill="${color}">${content}</text>`;
  const xs = [...new Set(all.map((point) => point.x))];
  const ys = [1, 2, 5].flatMap((step) => Array.from({ length: 10 }, (_, power) => step * 10 ** (power - 3)));
  const [least, most] = [Math.min(...all.map((point) => point.y)), Math.max(...all.map((point) => point.y))];
  const parts = [
    text({ x: WIDTH / 2, y: 20 }, title),
    text({ x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 12 }, axes.x),
    text({ x: LEFT, y: TOP - 8 }, axes.y, "start"),
    ...xs.map((value) => text({ x: x(value), y: HEIGHT - BOTTOM + 18 }, String(value))),
    ...ys
      .filter((value) => value >= least && value <= most)
      .map((value) => {
        const at = y(value).toFixed(1);
        return `<path d="M${LEFT} ${at}H${WIDTH - RIGHT}" stroke="#dddddd"/>${text({ x: LEFT - 6, y: y(value) + 4 }, String(Number(value.toPrecision(1))), "end")}`;
      }),
    ...shown.map(({ name, points }, index) => {
      const color = COLORS[index % COLORS.length] as string;
      const path = points.map((point) => `${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join(" L");
      const label = text({ x: WIDTH - RIGHT + 12, y: TOP + 16 + index * 18 }, name, "start", color);
      return points.length === 0
        ? label
        : `<path d="M${path}" fill="none" stroke="${color}" stroke-width="2"/>${label}`;
    }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#ffffff"/>${parts.join("\n")}</svg>\n`;
}
