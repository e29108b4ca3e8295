-- Uploads of different bytes, one after the other, for wrk.
local size = tonumber(os.getenv("BENCH_SIZE"))
local run = os.getenv("BENCH_RUN")
local padding = string.rep("x", size)
local headers = { ["Authorization"] = "Bearer " .. os.getenv("LARDER_TOKEN"), ["Content-Type"] = "application/octet-stream" }
local count = 0

request = function()
	count = count + 1
	local name = string.format("%s %d ", run, count)
	return wrk.format("POST", nil, headers, name .. string.sub(padding, #name + 1))
end
