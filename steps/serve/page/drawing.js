// Draws boxes over the picture or the video; one colour a class, the same as on pictures that the server draws.

export function colour(label) {
  const hue = ((0.08 + label * 0.618034) % 1) * 6, value = 0.9, low = value * 0.15;
  const part = n => {
    const at = (n + hue) % 6;
    return value - (value - low) * Math.max(0, Math.min(at, 4 - at, 1));
  };
  return `rgb(${[part(5), part(3), part(1)].map(share => Math.round(share * 255)).join(' ')})`;
}

export function draw(canvas, under, shape, boxes, lit = -1, heat = null) {
  const outer = canvas.parentElement.getBoundingClientRect(), inner = under.getBoundingClientRect();
  const ratio = window.devicePixelRatio || 1;
  Object.assign(canvas.style, {
    left: `${inner.left - outer.left}px`, top: `${inner.top - outer.top}px`, width: `${inner.width}px`, height: `${inner.height}px`,
  });
  canvas.width = Math.round(inner.width * ratio);
  canvas.height = Math.round(inner.height * ratio);
  const pen = canvas.getContext('2d');
  pen.scale(ratio, ratio);
  const [height, width] = shape;
  // A video keeps its proportions inside its element, between bars.
  const scale = Math.min(inner.width / width, inner.height / height);
  const left = (inner.width - width * scale) / 2, top = (inner.height - height * scale) / 2;
  if (heat) drawHeat(pen, heat, left, top, scale);
  pen.font = '600 13px ui-sans-serif, system-ui, sans-serif';
  pen.textBaseline = 'middle';
  boxes.map((box, at) => [box, at]).reverse().forEach(([found, at]) => {
    const { x1, y1, x2, y2 } = found.box;
    const x = left + x1 * scale, y = top + y1 * scale, wide = (x2 - x1) * scale, high = (y2 - y1) * scale;
    pen.globalAlpha = lit >= 0 && lit !== at ? 0.3 : 1;
    pen.strokeStyle = pen.fillStyle = colour(found.class);
    pen.lineWidth = lit === at ? 4 : 2.5;
    pen.strokeRect(x, y, wide, high);
    const text = `${found.name} ${found.confidence.toFixed(2)}`, plate = pen.measureText(text).width + 12;
    const above = y >= 21 ? y - 20 : y, from = Math.max(0, Math.min(x - 1, inner.width - plate));
    pen.fillRect(from, above, plate, 20);
    const [red, green, blue] = pen.fillStyle.match(/[0-9a-f]{2}/gi).map(part => parseInt(part, 16));
    pen.fillStyle = 0.299 * red + 0.587 * green + 0.114 * blue < 140 ? '#fff' : '#000';
    pen.fillText(text, from + 6, above + 10.5);
  });
}

// Smooth, and clear where nothing hangs on it.
function drawHeat(pen, { region, saliency }, left, top, scale) {
  const cells = Object.assign(document.createElement('canvas'), { width: saliency[0].length, height: saliency.length });
  const small = cells.getContext('2d');
  saliency.forEach((row, down) => row.forEach((share, right) => {
    small.fillStyle = `hsl(${60 - 60 * share} 100% 50% / ${Math.min(0.75, 1.1 * share)})`;
    small.fillRect(right, down, 1, 1);
  }));
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = 'high';
  const width = (region.x2 - region.x1) * scale, height = (region.y2 - region.y1) * scale;
  pen.drawImage(cells, left + region.x1 * scale, top + region.y1 * scale, width, height);
}
