/* Builds the pictures of a scene from plain lists: text, or [tag, attributes, children]
 * (layouts/plain.py). What is on screen already is kept and changed, so that nothing flickers. */
(function () {
  "use strict";
  const NAMES = { className: "class", colSpan: "colspan", rowSpan: "rowspan", dateTime: "datetime" };

  function paint(room, wanted) {
    wanted.forEach((tree, at) => {
      const there = room.childNodes[at];
      if (there && isLike(there, tree)) update(there, tree);
      else if (there) there.replaceWith(made(tree));
      else room.append(made(tree));
    });
    while (room.childNodes.length > wanted.length) room.lastChild.remove();
  }

  const isText = (tree) => typeof tree === "string";
  const isLike = (node, tree) => isText(tree) ? node.nodeType === Node.TEXT_NODE : node.localName === tree[0];

  function made(tree) {
    const node = isText(tree) ? document.createTextNode(tree) : document.createElement(tree[0]);
    if (!isText(tree)) update(node, tree);
    return node;
  }

  function update(node, tree) {
    if (isText(tree)) {
      if (node.data !== tree) node.data = tree;
      return;
    }
    const [, attributes, children] = tree, own = attributes["data-show"];
    if (own && node.dataset.show === own) return;  // what stands in it the browser writes (live.js)
    describe(node, attributes);
    paint(node, children);
  }

  function describe(element, attributes) {
    const wanted = new Map(Object.entries(attributes).map(([key, value]) => [NAMES[key] || key, value]));
    if (wanted.has("style")) wanted.set("style", styled(wanted.get("style")));
    [...element.attributes].forEach(({ name }) => wanted.has(name) || element.removeAttribute(name));
    wanted.forEach((value, name) => element.getAttribute(name) === String(value) || element.setAttribute(name, value));
  }

  const styled = (style) => Object.entries(style)
    .map(([key, value]) => `${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${value}`).join("; ");

  /* A panel that could not be drawn is not among them, and keeps what it shows. */
  function paintScene(pictures) {
    (pictures || []).forEach(({ frame, body, edition, children }) => {
      const room = document.getElementById(body);
      if (!room || !children) return;  // what plotly draws comes by `plot`
      paint(room, children);
      document.getElementById(frame).dataset.edition = edition;
    });
  }

  function plot(pictures) {
    const asked = window.dash_clientside.callback_context.outputs_list.id;
    const picture = (pictures || []).find(({ body }) => body === asked);
    if (!picture) return window.dash_clientside.no_update;
    document.getElementById(picture.frame).dataset.edition = picture.edition;
    return picture.figure;
  }

  const known = window.dash_clientside || {};
  window.dash_clientside = Object.assign({}, known, {
    wall: Object.assign({}, known.wall, { paint: paintScene, plot }),
  });
})();
