create table merged (
    user_id bigint not null,
    operation_id bigint not null,
    entity text not null,
    id bigint not null,
    into_id bigint not null,
    constraint merged_pkey PRIMARY KEY (user_id, entity, id, operation_id)
);

create index merged_by_operation on merged (user_id, operation_id);
alter table merged add constraint merged_operation_fkey FOREIGN KEY (user_id, operation_id) REFERENCES operations(user_id, id) ON DELETE CASCADE;
