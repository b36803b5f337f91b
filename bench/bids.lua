-- A publisher who asks about one caller after another.
local n = 0
local pause = tonumber(os.getenv('PAUSE_MS'))
wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/json'

function delay()
	return pause
end

function request()
	n = n + 1
	return wrk.format(nil, nil, nil, string.format('{"caller_id":"+1512%07d","state":"TX","age":%d}', 2000000 + n * 7919 % 7999999, n % 90))
end
