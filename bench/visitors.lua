-- Visitors of a landing page, each from an address of their own, who open pages again and again.
local n = 0
local pause = tonumber(os.getenv('PAUSE_MS'))
local snippet = os.getenv('SNIPPET')
wrk.method = 'POST'
wrk.headers['Content-Type'] = 'text/plain'
wrk.headers['User-Agent'] = 'Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36'

function delay()
	return pause
end

function request()
	n = n + 1
	local who = n * 7919 % 2000
	return wrk.format(nil, nil, { ['X-Forwarded-For'] = string.format('10.%d.%d.%d', who % 8, who % 250, n % 250), ['Content-Type'] = 'text/plain', ['User-Agent'] = wrk.headers['User-Agent'] },
		string.format('{"snippet":"%s","visitor":"visitor%016d","url":"https://example.com/solar?utm_source=google&utm_term=%d","referrer":"https://www.google.com/"}', snippet, who, n))
end
