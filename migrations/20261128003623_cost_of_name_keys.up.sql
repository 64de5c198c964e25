alter function name_key(text) cost 5000;
