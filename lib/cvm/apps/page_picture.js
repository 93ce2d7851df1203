{
  // A picture of a chart under its headline, drawn by the browser at twice its size.
  async draw(panel, title) {
    const shown = panel.querySelector("picture img");
    const image = new Image();
    const box = (shown || panel.querySelector("svg:not(.cvm-spark)")).getBoundingClientRect();
    image.src = shown ? shown.currentSrc
      : await this.standalone(panel.querySelector("svg"), box);
    await image.decode();
    const scale = 2, pad = 20, line = 28;
    const canvas = document.createElement("canvas");
    const pen = canvas.getContext("2d");
    const font = `18px ${getComputedStyle(panel).fontFamily}`;
    pen.font = font;
    const lines = [""];
    for (const piece of title.match(/[\u2e80-\uffff]|[^\s\u2e80-\uffff]+\s*|\s+/g) || []) {
      const longer = lines[lines.length - 1] + piece;
      if (lines[lines.length - 1] && pen.measureText(longer).width > box.width) lines.push(piece);
      else lines[lines.length - 1] = longer;
    }
    canvas.width = scale * (box.width + 2 * pad);
    canvas.height = scale * (box.height + 2 * pad + line * lines.length + 8);
    pen.scale(scale, scale);
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = "#12263f";
    pen.font = font;
    lines.forEach((text, at) => pen.fillText(text, pad, pad + 20 + line * at));
    pen.drawImage(image, pad, pad + line * lines.length + 8, box.width, box.height);
    return canvas.toDataURL("image/png");
  },

  // The page's font, held by the picture itself: a picture asks nobody for anything.
  async face() {
    const [face] = document.querySelector("#cvm-page > style").textContent
      .match(/@font-face\{[^}]*\}/) || [""];
    const [whole, address] = face.match(/url\(([^)]*)\)/) || ["", "data:"];
    if (address.startsWith("data:")) return face;
    const file = await (await fetch(address)).blob();
    const read = new FileReader();
    await new Promise((done) => { read.onload = done; read.readAsDataURL(file); });
    return face.replace(whole, `url(${read.result})`);
  },

  // A chart drawn live takes its looks from the page's styles: they are written into a copy.
  async standalone(svg, box) {
    const copy = svg.cloneNode(true);
    const looks = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "fill-opacity",
      "font-size", "font-family", "font-weight", "text-anchor", "paint-order", "stroke-linejoin"];
    const originals = svg.querySelectorAll("*");
    copy.querySelectorAll("*").forEach((one, at) => {
      const style = getComputedStyle(originals[at]);
      for (const look of looks) one.style.setProperty(look, style.getPropertyValue(look));
    });
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("width", box.width);
    copy.setAttribute("height", box.height);
    const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
    style.textContent = await this.face();
    copy.prepend(style);
    return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(copy.outerHTML)}`;
  },
}
