(function (config, script) {
  if (window.strowger) return
  var page = window.strowger = {}, origin = new URL(script.src).origin, lease = null, shown = [], observer, started
  var store = function (area) {
    try { var s = window[area]; s.setItem('strowger', '1'); s.removeItem('strowger'); return s } catch (e) { return null }
  }
  var get = function (s, k) { try { return s && JSON.parse(s.getItem('strowger.' + k)) } catch (e) { return null } }
  var put = function (s, k, v) { try { s && s.setItem('strowger.' + k, JSON.stringify(v)) } catch (e) { /* full */ } }
  var digits = function (t) { return t.replace(/\D/g, '') }

  // A number {c: country code, n: national number, t: trunk prefix, a: digits of its area code} in all ways that it is written: with
  // its country code (i), perhaps with the trunk prefix behind that, +44 (0)20; with the trunk prefix (t);
  // or without either (n).
  var gap = '[\\s().\\/\\u00b7\\u2010-\\u2015\\u2022\\u2219\\u22c5-]{0,5}', dash = '[-.\\u2010-\\u2015]'
  var spaced = function (d) { return d.split('').join(gap) }
  function waysOf(number) {
    var trunk = number.t && number.t !== number.c ? number.t : ''
    if (number.c) ways[number.c + number.n] = 'i'
    if (number.c && trunk) ways[number.c + trunk + number.n] = 'i'
    if (trunk) ways[trunk + number.n] = 't'
    ways[number.n] = trunk || number.c === '1' ? 'n' : 't'
    countries[trunk + number.n] = countries[number.n] = number.c
    areas[number.n] = number.a
  }
  // For all numbers that are replaced; countries: of those that are written without their country code.
  var search, ways = {}, countries = {}, areas = {}
  function prepare() {
    ways = {}
    countries = {}
    areas = {}
    config.numbers.concat(shown).forEach(waysOf)
    var all = Object.keys(ways).sort(function (a, b) { return b.length - a.length })
    var prefix = '\\(?(?:(?:\\+|00|011)' + gap + ')?'
    search = all.length && new RegExp(prefix + '(?:' + all.map(spaced).join('|') + ')', 'g')
  }
  var dialled = function (t) { return digits(t).replace(/^(00|011)/, '') }
  // (207) 946-0000 is a number of North America, though London has 20 7946 0000.
  function elsewhere(t, way) {
    var area = /^\(?(\d+)\)/.exec(t) || /^(\d{3})-\d{3}-\d{4}$/.exec(t)
    return way === 'n' && area && area[1].length !== areas[digits(t)]
  }
  function wayOf(t) {
    var way = ways[digits(t)] || ways[dialled(t)]
    if (elsewhere(t, way)) return undefined
    return (/^\(?\+/.test(t) || !ways[digits(t)]) && way !== 'i' ? undefined : way
  }
  // Is what stands beside it part of another, longer number, of a word or of an amount?
  var joined = new RegExp('^(\\d|' + dash + '\\d|(?!x|ext)[a-z_])', 'i')
  var joins = new RegExp('[\\w+]$|\\d' + dash + '$')
  var foreign = /(\+|(^|\D)(00|011))[\s(]*\d{1,3}[\s().\/-]{0,3}$/ // another country's code
  var pairs = /^\(?\d\d([\s.])\d\d\1.*\1\d\d$/ // 22 12 34 56, where one more pair makes another number
  function alone(t, before, after, way) {
    if (joined.test(after) || joins.test(before) || (way !== 'i' && foreign.test(before))) return false
    var gap = pairs.exec(t)
    if (!gap) return true
    var pair = '\\d\\d', blank = '\\' + gap[1]
    return !new RegExp('^' + blank + pair + '(?![\\d\\/:\\u2010-\\u2015-])').test(after) &&
      !new RegExp('(^|[^\\d\\/:\\u2010-\\u2015-])' + pair + blank + '$').test(before)
  }

  // The lease's number as the text before it was written: +1 512 555 0100, (512) 555-0100, 512.555.0100
  function written(before, way) {
    var had = digits(before), plain = /^\+?\d+$/.test(before)
    var international = way === 'i' || (!way && /^\(?\+/.test(before))
    var now = international ? lease.c + lease.n : way === 't' ? lease.t + lease.n : lease.n
    // In North America all numbers are grouped alike; elsewhere a number without blanks has no groups.
    if (had === now) return before // it is there already
    var at = had.length - now.length
    var alike = international ? had.indexOf(lease.c, at) === at : !countries[had] || countries[had] === lease.c
    if (at >= 0 && alike && (plain || lease.c === '1') && (way || !at)) {
      var n = -at
      return before.replace(/\d/g, function (d) { return n < 0 ? (n++, d) : now[n++] })
    }
    if (international) {
      var prefix = /^\(?(\+|00|011)?/.exec(before)[1] || ''
      if (lease.c && (prefix === '+' || !alike || at < 0)) prefix = '+'
      return prefix + lease.international.slice(1)
    }
    var bare = way === 'n' && lease.t && lease.t !== lease.c
    return bare ? lease.international.replace(/^\+\d+[\s-]*/, '') : lease.display
  }
  // Any number, in an element that is known to show one: as long as the lease's, else of seven digits or more.
  var any = /(?:\+|\(|\b)\d[\d\s().\/\u2010-\u2015-]{5,20}\d/g
  function anyOf() {
    var more = '(?:' + gap + '\\d){' + (lease.n.length - 1) + '}'
    return new RegExp('\\(?(?:\\+?' + spaced(lease.c) + gap + ')?\\d' + more, 'g')
  }
  var hits // of the last replace()
  function replace(text, pattern, wayFor) {
    var out = '', from = 0, m
    pattern.lastIndex = hits = 0
    while ((m = pattern.exec(text))) {
      var t = m[0], at = m.index
      if (t[0] === '(' && t.indexOf(')') < 0) { t = t.slice(1); at++ }
      var way = wayFor(t), before = text.slice(0, at)
      var fits = way !== undefined && alone(t, before, text.slice(at + t.length), way)
      if (fits) {
        hits++
        out += text.slice(from, at) + written(t, way)
        pattern.lastIndex = from = at + t.length
      } else pattern.lastIndex = m.index + 1
    }
    return out + text.slice(from)
  }
  function set(node, now) { if (now !== node.nodeValue) node.nodeValue = now }
  function swapText(node) {
    if (search && /\d/.test(node.nodeValue)) set(node, replace(node.nodeValue, search, wayOf))
  }
  // true: the text has a number.
  function swapAny(node) {
    var text = node.nodeValue, known = search && replace(text, search, wayOf)
    if (known && known !== text) return set(node, known), true
    var take = function (t) {
      var more = digits(t).length - lease.n.length
      if (more > 0 || /^\(?\+/.test(t)) return 'i'
      return more ? '' : 'n'
    }
    var now = replace(text, anyOf(), take)
    if (!hits) now = replace(text, any, take)
    set(node, now)
    return hits > 0
  }
  function texts(root, f) {
    var walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, { acceptNode: function (n) {
      var p = n.parentElement
      return !p || /^(SCRIPT|STYLE|TEXTAREA|NOSCRIPT)$/.test(p.tagName) || p.isContentEditable ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT
    } })
    while (walker.nextNode()) f(walker.currentNode)
  }
  // tel: links (RFC 3966). What follows the number, an extension or pauses, stays. Without `known` any
  // number is replaced.
  var tel = 'a[href^="tel:" i]'
  // Digits, and what stands between them: blanks, dashes and marks of the direction that nobody sees.
  var sign = /^[\d\s+().\/\u00ad\u00b7\u2022\u2219\u22c5\u2010-\u2015\u2212\u200b-\u200f\u202a-\u202e\u2060-\u2069-]$/
  function dialOf(href) {
    var character = /%[0-7][\da-f]|%[c-f][\da-f](?:%[89ab][\da-f])+|[^%]/gi, end = 0, m
    while ((m = character.exec(href)) && m.index === end && sign.test(decodeURIComponent(m[0]))) end += m[0].length
    return href.slice(0, end)
  }
  function link(a, known) {
    if (!a) return
    var href = a.getAttribute('href').slice(4), dial = '', rest, number
    try {
      decodeURIComponent(href)
      dial = dialOf(href)
      number = decodeURIComponent(dial).replace(/^[^\d+(]+/, '').trim()
    } catch (e) { if (known) return }
    rest = number ? href.slice(dial.length) : ''
    var context = /;phone-context=\+?(\d+)/i.exec(rest)
    if (known && (!wayOf(number) || (context && context[1] !== lease.c))) return
    var to = 'tel:' + lease.number + rest.replace(/;phone-context=[^;]*/i, '')
    if (a.getAttribute('href') !== to) a.setAttribute('href', to)
  }
  function swap() {
    if (!lease || !lease.number || !document.body) return
    config.selectors.forEach(function (selector) {
      var found = []
      try { found = document.querySelectorAll(selector) } catch (e) { console.warn('strowger: no selector: ' + selector) }
      found.forEach(function (el) {
        var had = false
        texts(el, function (n) { had = swapAny(n) || had })
        var empty = !had && !el.childElementCount
        if (empty && el.textContent !== lease.display) el.textContent = lease.display
        link(el.closest(tel))
        el.querySelectorAll(tel).forEach(function (a) { link(a) })
      })
    })
    texts(document.body, swapText)
    document.querySelectorAll(tel).forEach(function (a) { link(a, true) })
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
      lease.c = answer.country_code
      lease.n = answer.national_number || digits(lease.number)
      lease.t = answer.trunk_prefix
      lease.a = (/^\+\d+\D*(\d*)/.exec(lease.international) || ['', ''])[1].length
      page.number = lease.number
      shown = shown.filter(function (n) { return n.n !== lease.n }).concat(lease)
      prepare()
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
