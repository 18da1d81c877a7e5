# Words for the setups of documents; sourced before every example.

# field NAME: that field of the JSON on standard input
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

# answered NAME: that field of the last answer
answered() { field "$1" < "$STATE/last"; }

# stands TEXT VALUE: in later examples TEXT stands for VALUE
stands() { printf '%s\t%s\n' "$1" "$2" >> "$STATE/names"; }

# key: an admin's key in KEY
key() { KEY=$(flask keys create admin --name office 2> /dev/null); }

# enroll USER_ID [PHOTO]: a person with a face
enroll() { curl -H "X-API-Key: ${KEY:-}" -F photo=@"${2:-ada.jpg}" "http://localhost:8000/users/$1/photos"; }

# person USER_ID: a person without a face
person() { json "{\"user_id\": \"$1\"}" "http://localhost:8000/users"; }

# gone USER_ID: nobody of that name
gone() { curl -X DELETE -H "X-API-Key: ${KEY:-}" "http://localhost:8000/users/$1"; }

# device DEVICE_ID: registered, its key in DEVICE_KEY
device() {
  DEVICE_KEY=$(json "{\"device_id\": \"$1\", \"name\": \"Door\"}" http://localhost:8000/devices | field key)
}

# by_hand USER_ID TIME: somebody came
by_hand() {
  json "{\"user_id\": \"$1\", \"at\": \"$2\", \"reason\": \"power cut\"}" \
    http://localhost:8000/checkins/manual
}

# embedding PHOTO: embedding.json, as /search takes it
embedding() {
  curl -F photo=@"$1" http://localhost:8000/embeddings | python3 -c '
import json, sys
made = json.load(sys.stdin)
print(json.dumps({"embedding": made["faces"][0]["embedding"], "spec": made["spec"]["digest"]}))
' > embedding.json
}

# json BODY URL: a POST
json() { curl -H "X-API-Key: ${KEY:-}" -H 'Content-Type: application/json' -d "$1" "$2"; }
