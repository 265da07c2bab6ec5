#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, in the folder given or .data/secrets, each a file.
# Those that exist stay as they are: the passwords are in the volumes by then.
set -eu
umask 077
cd "$(dirname "$0")/../.."
folder=${1:-.data/secrets}
mkdir -p "$folder"
# Others cannot enter the folder. A file of its own must be readable by the users of the containers.
chmod 700 "$folder"

keep() {
  [ -e "$folder/$1" ] || { cat > "$folder/.$1" && chmod 444 "$folder/.$1" && mv "$folder/.$1" "$folder/$1"; }
}
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

for name in postgres_password redis_password ops_password grafana_password stock_source_token; do
  random | keep "$name"
done
keep database_url <<EOF
postgres://inventoryrpa:$(cat "$folder/postgres_password")@postgres:5432/inventoryrpa
EOF
keep redis_url <<EOF
redis://inventoryrpa:$(cat "$folder/redis_password")@redis:6379
EOF
keep redis_acl <<EOF
user default off
user inventoryrpa on >$(cat "$folder/redis_password") ~* &* +@all -@admin -@dangerous +info +client|list
EOF
echo "The secrets are in $folder. Operators log in as operator, password: $folder/ops_password"
