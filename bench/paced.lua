-- Tags of one of the calls named after the URL, again and again; each connection waits PAUSE_MS between two requests.
local calls, n = {}, 0
local pause = tonumber(os.getenv('PAUSE_MS'))
wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/json'

function init(args)
	calls = args
end

function delay()
	return pause
end

function request()
	n = n + 1
	return wrk.format(nil, nil, nil, string.format('{"call_id":"%s","state":"%d"}', calls[n % #calls + 1], n))
end
