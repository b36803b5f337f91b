(function (config, script) {
  if (window.strowger) return
  var page = window.strowger = {}, origin = new URL(script.src).origin, lease = null, shown = [], observer, started
  var store = function (area) {
    try { var s = window[area]; s.setItem('strowger', '1'); s.removeItem('strowger'); return s } catch (e) { return null }
  }
  var get = function (s, k) { try { return s && JSON.parse(s.getItem('strowger.' + k)) } catch (e) { return null } }
  var put = function (s, k, v) { try { s && s.setItem('strowger.' + k, JSON.stringify(v)) } catch (e) { /* full */ } }
  var digits = function (t) { return t.replace(/\D/g, '') }
  // the same number with and without its country code or trunk prefix
  var tail = function (t) { return digits(t).slice(-9) }
  var isOurs = function (t) { var d = digits(t); return d.length > 5 && d.length < 16 && (config.numbers.concat(shown)).some(function (n) { return tail(n) === tail(t) }) }

  // The lease's number as the text before it was written: +1 512 555 0100, (512) 555-0100, 512.555.0100
  function written(before) {
    var n = digits(before).length, e164 = digits(lease.number), national = digits(lease.display)
    var source = n === e164.length ? e164 : n === national.length ? national : null, at = 0
    if (!source || (/^\+/.test(before) && source !== e164)) return /^\+/.test(before) ? lease.number : lease.display
    return before.replace(/\d/g, function () { return source[at++] })
  }
  var candidate = /(?:\+|\(|\b)\d[\d\s().\/\u2010-\u2015-]{4,22}\d/g
  function swapText(node, any) {
    var text = node.nodeValue, now = text.replace(candidate, function (t) { return any || isOurs(t) ? written(t) : t })
    if (now !== text) node.nodeValue = now
    return now !== text || (any && text.search(candidate) >= 0)
  }
  function texts(root, f) {
    var walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, { acceptNode: function (n) {
      var p = n.parentElement
      return !p || /^(SCRIPT|STYLE|TEXTAREA|NOSCRIPT)$/.test(p.tagName) || p.isContentEditable ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT
    } })
    while (walker.nextNode()) f(walker.currentNode)
  }
  function link(a) { var to = 'tel:' + lease.number; if (a && a.getAttribute('href') !== to) a.setAttribute('href', to) }
  function swap() {
    if (!lease || !lease.number || !document.body) return
    config.selectors.forEach(function (selector) {
      var found = []
      try { found = document.querySelectorAll(selector) } catch (e) { console.warn('strowger: no selector: ' + selector) }
      found.forEach(function (el) {
        var had = false
        texts(el, function (n) { had = swapText(n, true) || had })
        if (!had && !el.childElementCount && el.textContent !== lease.display) el.textContent = lease.display
        link(el.closest('a[href^="tel:"]'))
        el.querySelectorAll('a[href^="tel:"]').forEach(link)
      })
    })
    if (config.numbers.length || shown.length) {
      texts(document.body, function (n) { swapText(n, false) })
      document.querySelectorAll('a[href^="tel:"]').forEach(function (a) { if (isOurs(decodeURIComponent(a.getAttribute('href').slice(4)))) link(a) })
    }
    if (observer) observer.takeRecords()
  }

  // Where the visitor came from, first of all and this time: a visit begins on another site, or with parameters of a campaign.
  function touches() {
    var local = store('localStorage'), session = store('sessionStorage'), here = { url: location.href, referrer: document.referrer }
    var outside = document.referrer && document.referrer.indexOf(location.origin + '/') !== 0
    var first = get(local, 'first') || here, last = get(session, 'last')
    if (!last || /[?&](utm_[a-z]+|gclid|gbraid|wbraid|fbclid|msclkid|ttclid)=/.test(location.search) || (outside && last.referrer !== document.referrer)) last = here
    put(local, 'first', first)
    put(session, 'last', last)
    var ga = /(?:^|; )_ga=GA\d\.\d\.([\d.]+)/.exec(document.cookie)
    return { url: last.url, referrer: last.referrer, page: location.href, first_url: first.url, first_referrer: first.referrer, ga_client_id: ga ? ga[1] : undefined }
  }
  function visitor() {
    var local = store('localStorage'), id = get(local, 'visitor') || page.visitor
    if (!id) id = Array.prototype.map.call(crypto.getRandomValues(new Uint8Array(16)), function (b) { return (b + 256).toString(16).slice(1) }).join('')
    put(local, 'visitor', page.visitor = id)
    return id
  }
  function ask(path, body, then) { // as text: no second request to ask whether it may be sent
    fetch(origin + path, { method: 'POST', body: JSON.stringify(body), keepalive: true, credentials: 'omit' }).then(function (r) {
      return r.ok ? r.json().then(then) : r.status === 404 && path === '/dni/heartbeat' ? begin() : undefined
    }).catch(function () { /* offline: the page keeps what it shows */ })
  }
  var asked
  function begin() {
    var body = touches()
    body.snippet = config.snippet
    body.visitor = visitor()
    asked = body.url
    ask('/dni/lease', body, function (answer) {
      if (!answer.number) return
      lease = answer
      page.number = lease.number
      if (shown.indexOf(lease.number) < 0) shown.push(lease.number)
      swap()
    })
  }
  function moved() { // a page of one that loads no other
    setTimeout(function () {
      swap()
      if (touches().url !== asked) begin()
    })
  }
  function start() {
    if (started || (config.respect_do_not_track && (navigator.doNotTrack === '1' || navigator.globalPrivacyControl))) return
    started = true
    var frame
    observer = new MutationObserver(function () { frame = frame || requestAnimationFrame(function () { frame = 0; swap() }) }) // before it is painted
    observer.observe(document.documentElement, { childList: true, subtree: true, characterData: true })
    ;['pushState', 'replaceState'].forEach(function (name) {
      var f = history[name]
      history[name] = function () { f.apply(this, arguments); moved() }
    })
    addEventListener('popstate', moved)
    begin()
    setInterval(function () { if (lease && lease.lease_id) ask('/dni/heartbeat', { snippet: config.snippet, visitor: visitor(), lease_id: lease.lease_id }, function () {}); else begin() }, 60000)
  }
  page.consent = start
  page.refresh = swap
  if (config.consent !== 'required' || window.strowgerConsent) start()
})
