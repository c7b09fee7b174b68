# A configuration written with the names of before 1.0, with those of now:
# sed -E -f t/tools/renames.sed nginx.conf

s/(^|[^a-z_$])websocket([[:space:]]+)bidirectional\b/\1websocket\2pubsub/g
s/(^|[^a-z_$])websocket([[:space:]]+)result\b/\1websocket\2subscribe/g
s/(^|[^a-z_$])websocket([[:space:]]+)payload\b/\1websocket\2publish/g

s/\bwebsocket_message_file\b/websocket_type_file/g
s/\bwebsocket_message\b/websocket_type/g
s/\bwebsocket_receive\b/websocket_inbound_type/g
s/\bwebsocket_send\b/websocket_outbound_type/g
s/\bwebsocket_batch\b/websocket_coalesce/g
s/\bwebsocket_set_name\b/websocket_set_decoded/g

s/\$websocket_refused\b/$websocket_rate_limited/g
s/\$\{websocket_refused\}/${websocket_rate_limited}/g
