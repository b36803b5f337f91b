wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/json'
wrk.body = '{"caller_id":"+15125550123","state":"TX"}'
