-- Asks for the paths of a file, one after the other from a place of each thread's own: wrk … -s paths.lua -- FILE
local paths, at = {}, 0

function setup(thread)
	threads = (threads or 0) + 1
	thread:set("number", threads)
end

function init(args)
	for line in io.lines(args[1]) do
		paths[#paths + 1] = wrk.format("GET", line)
	end
	at = number * 997 % #paths
end

function request()
	at = at % #paths + 1
	return paths[at]
end
